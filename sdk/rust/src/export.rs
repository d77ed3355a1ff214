//! Connects an author's traits with the contract, and exports them from a guest.

use crate::contract::{describe, escalator, nurturer, scorer, types};
use crate::plugin::{Escalator, Fields, Nurturer, Parameters, Plugin, Scorer, owned};
use crate::view::{View, parameters};
use core::mem::ManuallyDrop;

/// Asks an author's code, and leaves everything it was given where it is: the instance is dropped as a whole, so taking
/// it apart would be work for nothing.
fn ask<P: Plugin, R>(
    now: i64,
    values: Vec<types::Value>,
    lead: types::Lead,
    decide: impl FnOnce(&View<'_, P>) -> Result<R, String>,
) -> Result<R, String> {
    let parameters = ManuallyDrop::new(parameters::<P>(values)?);
    let view = ManuallyDrop::new(View::new(now, &*parameters, lead)?);
    decide(&view)
}

/// What a guest does first: from here on a panic leaves its message for the host.
fn begin() {
    #[cfg(target_arch = "wasm32")]
    crate::panics::note_them();
}

impl<P: Plugin> describe::Guest for P {
    fn describe() -> describe::Description {
        begin();
        describe::Description {
            name: P::NAME.to_owned(),
            version: P::VERSION.to_owned(),
            summary: P::SUMMARY.to_owned(),
            parameters: P::Parameters::describe(),
            rules: P::RULES
                .iter()
                .map(|rule| describe::Rule { id: rule.id, name: rule.name.to_owned(), text: rule.text.to_owned() })
                .collect(),
            tracks: owned(P::TRACKS),
            codes: owned(P::CODES),
            fuel_budget: P::FUEL_BUDGET,
        }
    }

    fn reads(values: Vec<types::Value>) -> Result<describe::View, String> {
        begin();
        Ok(P::reads(&parameters::<P>(values)?)?.with_fields(P::Fields::NAMES))
    }
}

impl<P: Scorer> scorer::Guest for P {
    fn score(now: i64, values: Vec<types::Value>, lead: types::Lead) -> Result<scorer::Rating, String> {
        begin();
        ask(now, values, lead, P::score)
    }

    fn score_batch(
        now: i64,
        values: Vec<types::Value>,
        leads: Vec<types::Lead>,
    ) -> Vec<Result<scorer::Rating, String>> {
        begin();
        match parameters::<P>(values) {
            Ok(parameters) => leads.into_iter().map(|lead| P::score(&View::new(now, &parameters, lead)?)).collect(),
            Err(why) => leads.iter().map(|_| Err(why.clone())).collect(),
        }
    }
}

impl<P: Nurturer> nurturer::Guest for P {
    fn choose(now: i64, values: Vec<types::Value>, lead: types::Lead) -> Result<nurturer::Choice, String> {
        begin();
        ask(now, values, lead, P::choose)
    }
}

impl<P: Escalator> escalator::Guest for P {
    fn decide(
        now: i64,
        values: Vec<types::Value>,
        lead: types::Lead,
        overdue: escalator::Overdue,
    ) -> Result<escalator::Verdict, String> {
        begin();
        ask(now, values, lead, |view| P::decide(view, &overdue.into()))
    }
}

/// Makes a type the plugin of this crate: `export!(InboundFit: Scorer);`, or with several kinds
/// `export!(Both: Scorer, Nurturer);`. Once in a crate, which has to be a `cdylib`.
#[macro_export]
macro_rules! export {
    ($plugin:ident: $($kind:ident),+ $(,)?) => {
        // Says it in the author's words when the trait is missing, on every target.
        const _: () = {
            $({
                const fn implements<P: $crate::$kind>() {}
                implements::<$plugin>();
            })+
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            $crate::contract::describe::__export_cadenza_plugin_describe_1_0_0_cabi!(
                $plugin with_types_in $crate::contract::describe
            );
            $($crate::export!(@ $kind $plugin);)+
        };
    };
    (@ Scorer $plugin:ident) => {
        $crate::contract::scorer::__export_cadenza_plugin_scorer_1_0_0_cabi!(
            $plugin with_types_in $crate::contract::scorer
        );
        $crate::export!(@ world "component-type:cadenza:scoring" SCORING);
    };
    (@ Nurturer $plugin:ident) => {
        $crate::contract::nurturer::__export_cadenza_plugin_nurturer_1_0_0_cabi!(
            $plugin with_types_in $crate::contract::nurturer
        );
        $crate::export!(@ world "component-type:cadenza:nurture" NURTURE);
    };
    (@ Escalator $plugin:ident) => {
        $crate::contract::escalator::__export_cadenza_plugin_escalator_1_0_0_cabi!(
            $plugin with_types_in $crate::contract::escalator
        );
        $crate::export!(@ world "component-type:cadenza:escalation" ESCALATION);
    };
    (@ world $section:literal $world:ident) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = $section)]
            static WORLD: [u8; $crate::worlds::$world.len()] = *$crate::worlds::$world;
        };
    };
}

/// What each kind of plugin exports, for the linker; written by the build script.
#[doc(hidden)]
pub mod worlds {
    /// The world `scoring`.
    pub const SCORING: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/scoring")).len()] =
        include_bytes!(concat!(env!("OUT_DIR"), "/scoring"));
    /// The world `nurture`.
    pub const NURTURE: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/nurture")).len()] =
        include_bytes!(concat!(env!("OUT_DIR"), "/nurture"));
    /// The world `escalation`.
    pub const ESCALATION: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/escalation")).len()] =
        include_bytes!(concat!(env!("OUT_DIR"), "/escalation"));
}
