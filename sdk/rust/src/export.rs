//! Connects an author's traits with the contract, and exports them from a guest.

use crate::contract::{describe, escalator, nurturer, scorer, types};
use crate::plugin::{Escalator, Fields, Nurturer, Parameters, Plugin, Scorer, owned};
use crate::value::{Texts, Values};
use crate::view::{Call, View};
use core::mem::ManuallyDrop;

/// Asks an author's code about the one lead of a call, and drops nothing it was given: the instance is dropped as a
/// whole, so taking its contents apart would be wasted work.
fn ask<P: Plugin, R>(input: types::Input, decide: impl FnOnce(&View<'_, P>) -> Result<R, String>) -> Result<R, String> {
    let call = ManuallyDrop::new(Call::<P>::take(input)?);
    let view = call.views().next().ok_or("no lead is given to decide about")?;
    decide(&*ManuallyDrop::new(view?))
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
            memory_budget: P::MEMORY_BUDGET,
        }
    }

    fn reads(texts: types::Texts, values: Vec<types::Value>) -> Result<describe::View, String> {
        begin();
        let parameters = P::Parameters::take(&mut Values::new(&values, Texts::keep(texts)))?;
        Ok(P::reads(&parameters)?.with_fields(P::Fields::FIELDS))
    }
}

impl<P: Scorer> scorer::Guest for P {
    fn score(input: types::Input) -> Result<scorer::Rating, String> {
        begin();
        ask(input, P::score)
    }

    fn score_batch(input: types::Input) -> Vec<Result<scorer::Rating, String>> {
        begin();
        let leads = input.leads.len();
        match Call::<P>::take(input) {
            Ok(call) => ManuallyDrop::new(call).views().map(|view| P::score(&*ManuallyDrop::new(view?))).collect(),
            Err(why) => vec![Err(why); leads],
        }
    }
}

impl<P: Nurturer> nurturer::Guest for P {
    fn choose(input: types::Input) -> Result<nurturer::Choice, String> {
        begin();
        ask(input, P::choose)
    }
}

impl<P: Escalator> escalator::Guest for P {
    fn decide(input: types::Input, overdue: escalator::Overdue) -> Result<escalator::Verdict, String> {
        begin();
        ask(input, |view| P::decide(view, &overdue.into()))
    }
}

/// Makes a type the plugin of this crate: `export!(InboundFit: Scorer);`, or with several kinds `export!(Both: Scorer,
/// Nurturer);`. Once in a crate, which has to be a `cdylib`.
#[macro_export]
macro_rules! export {
    ($plugin:ident: $($kind:ident),+ $(,)?) => {
        // If the trait is missing, the compiler says so in the author's terms, on every target.
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
        $crate::export!(@ input "cadenza:plugin/scorer@1.0.0#score" scorer _export_score_cabi $plugin);
        $crate::export!(@ input "cadenza:plugin/scorer@1.0.0#score-batch" scorer _export_score_batch_cabi $plugin);
        $crate::export!(@ world "component-type:cadenza:scoring" SCORING);
    };
    (@ Nurturer $plugin:ident) => {
        $crate::export!(@ input "cadenza:plugin/nurturer@1.0.0#choose" nurturer _export_choose_cabi $plugin);
        $crate::export!(@ world "component-type:cadenza:nurture" NURTURE);
    };
    (@ Escalator $plugin:ident) => {
        const _: () = {
            // One argument, which points to the others, because there are too many of them.
            #[unsafe(export_name = "cadenza:plugin/escalator@1.0.0#decide")]
            unsafe extern "C" fn decide(arguments: *mut u8) -> *mut u8 {
                unsafe { $crate::contract::escalator::_export_decide_cabi::<$plugin>(arguments) }
            }
        };
        $crate::export!(@ world "component-type:cadenza:escalation" ESCALATION);
    };
    // A decision is exported without the function that gives back its answer's memory: the instance is dropped
    // as a whole, so that call would be wasted work. The arguments are those of the contract's `input`: the
    // moment, then seven lists.
    (@ input $name:literal $interface:ident $function:ident $plugin:ident) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            #[allow(clippy::too_many_arguments, reason = "the canonical ABI passes a record's fields one by one")]
            unsafe extern "C" fn exported(
                now: i64,
                joined: *mut u8,
                joined_bytes: usize,
                ends: *mut u8,
                ends_count: usize,
                parameters: *mut u8,
                parameters_count: usize,
                fields: *mut u8,
                fields_count: usize,
                touches: *mut u8,
                touches_count: usize,
                engagement: *mut u8,
                engagement_count: usize,
                leads: *mut u8,
                leads_count: usize,
            ) -> *mut u8 {
                unsafe {
                    $crate::contract::$interface::$function::<$plugin>(
                        now, joined, joined_bytes, ends, ends_count, parameters, parameters_count, fields,
                        fields_count, touches, touches_count, engagement, engagement_count, leads, leads_count,
                    )
                }
            }
        };
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
