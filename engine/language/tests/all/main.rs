//! The language from outside: whole folders in, a workspace or messages out.

mod broken;
mod cases;
mod circles;
mod conditions;
mod fixture;
mod hostile;
mod owners;
mod places;
mod practices;
mod reference;
mod shipped;
mod unreadable;
