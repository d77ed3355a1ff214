//! Tests the language from outside: whole folders go in, and a workspace or messages come out.

mod broken;
mod cases;
mod circles;
mod conditions;
mod fixture;
mod hostile;
mod hours;
mod owners;
mod places;
mod practices;
mod reference;
mod shipped;
mod unreadable;
