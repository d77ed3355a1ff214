//! The language from outside: whole folders in, a workspace or messages out.

mod broken;
mod fixture;
mod hostile;
mod owners;
mod reference;
mod shipped;
mod unreadable;
