//! A plugin that is loaded into one sandbox: what it exports and says of itself, and how each question is put to it.

use crate::answer;
use crate::compiled::Compiled;
use crate::contract::{self, Choice, Codes, Description, Given, Lead, Overdue, Rating, Verdict, View};
use crate::error::LoadError;
use crate::instance::{self, Taken};
use crate::limits::{BudgetOverrides, Budgets, HostLimits};
use crate::ticker::Watch;
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionInput, DecisionKind, PluginInfo, Reads};
use cadenza_core::value::Value;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, TypedFunc,
};
use wasmtime::{Engine, Store};

/// One decision, or why there is none.
pub(crate) type Answer = Result<Decision, DecisionFailure>;

pub(crate) struct Plugin {
    pub(crate) info: PluginInfo,
    guest: InstancePre<Taken>,
    exports: Exports,
    codes: Codes,
    budgets: Budgets,
    /// `reads` is asked when a workspace is checked, so it may take what a description may.
    description_budgets: Budgets,
}

/// Where the functions of the contract are in the component; those of kinds it is not are missing.
struct Exports {
    describe: ComponentExportIndex,
    reads: ComponentExportIndex,
    score: Option<ComponentExportIndex>,
    score_batch: Option<ComponentExportIndex>,
    choose: Option<ComponentExportIndex>,
    decide: Option<ComponentExportIndex>,
}

impl Exports {
    fn of(component: &Component) -> Result<Self, LoadError> {
        let instance = |name: &str| component.get_export_index(None, name);
        let function = |of: Option<&ComponentExportIndex>, name: &str| component.get_export_index(of, name);
        let kind = |kind| instance(contract::interface(kind));
        let missing =
            || LoadError::NotAPlugin(format!("it does not export `{}`, which every plugin has to", contract::DESCRIBE));
        let about = instance(contract::DESCRIBE).ok_or_else(missing)?;
        let (scorer, nurturer, escalator) =
            (kind(DecisionKind::Scoring), kind(DecisionKind::Nurture), kind(DecisionKind::Escalation));
        let of = |interface: &Option<ComponentExportIndex>, name: &str| {
            interface.as_ref().and_then(|interface| function(Some(interface), name))
        };
        let exports = Self {
            describe: function(Some(&about), "describe").ok_or_else(missing)?,
            reads: function(Some(&about), "reads").ok_or_else(missing)?,
            score: of(&scorer, "score"),
            score_batch: of(&scorer, "score-batch"),
            choose: of(&nurturer, "choose"),
            decide: of(&escalator, "decide"),
        };
        if exports.kinds().is_empty() {
            let kinds = DecisionKind::ALL.iter().map(|kind| format!("`{}`", contract::interface(*kind)));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            return Err(LoadError::NotAPlugin(format!("it decides nothing; it has to export one or more of {kinds}")));
        }
        Ok(exports)
    }

    fn kinds(&self) -> Vec<DecisionKind> {
        let exported = [
            (DecisionKind::Scoring, self.score.is_some()),
            (DecisionKind::Nurture, self.choose.is_some()),
            (DecisionKind::Escalation, self.decide.is_some()),
        ];
        exported.into_iter().filter(|(_, exported)| *exported).map(|(kind, _)| kind).collect()
    }

    /// Compares every function's type with the contract's.
    fn check(&self, store: &mut Store<Taken>, instance: &Instance) -> wasmtime::Result<()> {
        let _: Describe = function(store, instance, &self.describe)?;
        let _: AskReads<'_> = function(store, instance, &self.reads)?;
        if let Some(score) = &self.score {
            let _: Score<'_> = function(store, instance, score)?;
        }
        if let Some(score_batch) = &self.score_batch {
            let _: ScoreBatch<'_> = function(store, instance, score_batch)?;
        }
        if let Some(choose) = &self.choose {
            let _: Choose<'_> = function(store, instance, choose)?;
        }
        if let Some(decide) = &self.decide {
            let _: Decide<'_> = function(store, instance, decide)?;
        }
        Ok(())
    }
}

type Describe = TypedFunc<(), (Description,)>;
type AskReads<'a> = TypedFunc<(&'a [Given<'a>],), (Result<View, String>,)>;
type Score<'a> = TypedFunc<(i64, &'a [Given<'a>], &'a Lead<'a>), (Result<Rating, String>,)>;
type ScoreBatch<'a> = TypedFunc<(i64, &'a [Given<'a>], &'a [Lead<'a>]), (Vec<Result<Rating, String>>,)>;
type Choose<'a> = TypedFunc<(i64, &'a [Given<'a>], &'a Lead<'a>), (Result<Choice, String>,)>;
type Decide<'a> = TypedFunc<(i64, &'a [Given<'a>], &'a Lead<'a>, Overdue), (Result<Verdict, String>,)>;

fn function<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
    store: &mut Store<Taken>,
    instance: &Instance,
    export: &ComponentExportIndex,
) -> wasmtime::Result<TypedFunc<P, R>> {
    instance.get_typed_func(store, export)
}

impl Plugin {
    /// Maps a compiled component into an engine, checks it against the contract and asks what it is.
    pub(crate) fn load(
        compiled: &Compiled,
        engine: &Engine,
        watch: &Watch,
        limits: &HostLimits,
        overrides: &BudgetOverrides,
    ) -> Result<Self, LoadError> {
        let component = compiled.component(engine, limits)?;
        let exports = Exports::of(&component)?;
        let guest = Linker::<Taken>::new(engine)
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let budgets = Budgets::for_description(limits);
        let (asked, _) = instance::call(&guest, watch, &budgets, |store, instance| {
            if let Err(error) = exports.check(store, instance) {
                return Ok(Err(LoadError::Contract(format!("{error:#}"))));
            }
            let describe: Describe = function(store, instance, &exports.describe)?;
            Ok(Ok(describe.call(store, ())?.0))
        });
        let mut description = asked.map_err(LoadError::Describe)??;
        let codes = Codes::new(description.codes.clone());
        let decision_budgets = Budgets::for_decision(limits, &description, overrides);
        description.fuel_budget = description.fuel_budget.min(limits.fuel_max);
        let mut info =
            answer::description(description, exports.kinds(), compiled.digest()).map_err(LoadError::Description)?;
        info.fuel_budget = decision_budgets.fuel;
        Ok(Self { info, guest, exports, codes, budgets: decision_budgets, description_budgets: budgets })
    }

    /// What it wants to see, given these parameters.
    pub(crate) fn reads(&self, watch: &Watch, parameters: &[Value]) -> Result<Reads, DecisionFailure> {
        let parameters = self.parameters(parameters)?;
        let (view, _) = instance::call(&self.guest, watch, &self.description_budgets, |store, instance| {
            let reads: AskReads<'_> = function(store, instance, &self.exports.reads)?;
            Ok(reads.call(store, (&parameters,))?.0)
        });
        view?.map(Reads::from).map_err(answer::refusal)
    }

    /// Takes one decision.
    pub(crate) fn decide(&self, watch: &Watch, kind: DecisionKind, input: &DecisionInput) -> (Answer, Cost) {
        let (parameters, lead) = match (self.parameters(&input.parameters), self.lead(input)) {
            (Ok(parameters), Ok(lead)) => (parameters, lead),
            (Err(failure), _) | (_, Err(failure)) => return (Err(failure), Cost::default()),
        };
        let (now, parameters, lead) = (input.now.as_ms(), parameters.as_slice(), &lead);
        let (answer, cost) = match (kind, &self.exports) {
            (DecisionKind::Scoring, Exports { score: Some(score), .. }) => self.call(watch, |store, instance| {
                let score: Score<'_> = function(store, instance, score)?;
                Ok(answer::score(&self.info, score.call(store, (now, parameters, lead))?.0))
            }),
            (DecisionKind::Nurture, Exports { choose: Some(choose), .. }) => self.call(watch, |store, instance| {
                let choose: Choose<'_> = function(store, instance, choose)?;
                Ok(answer::choice(&self.info, choose.call(store, (now, parameters, lead))?.0))
            }),
            (DecisionKind::Escalation, Exports { decide: Some(decide), .. }) => {
                let Some(overdue) = input.overdue.as_ref().map(Overdue::from) else {
                    return (Err(unavailable("nothing overdue is given to decide about")), Cost::default());
                };
                self.call(watch, |store, instance| {
                    let decide: Decide<'_> = function(store, instance, decide)?;
                    Ok(answer::verdict(&self.info, decide.call(store, (now, parameters, lead, overdue))?.0))
                })
            }
            (kind, _) => {
                let why = format!("the plugin `{}` does not decide {kind}", self.info.name);
                return (Err(DecisionFailure::Unavailable(why)), Cost::default());
            }
        };
        (answer.and_then(|answer| answer), cost)
    }

    /// Scores leads that share `now` and parameters in one instance. `None` when the plugin has no batch form, or its
    /// answer is not one for each lead, or the instance did not come through: then each has to be asked singly.
    pub(crate) fn score_batch(&self, watch: &Watch, inputs: &[DecisionInput]) -> (Option<Vec<Answer>>, Cost) {
        let (Some(score_batch), Some(first)) = (&self.exports.score_batch, inputs.first()) else {
            return (None, Cost::default());
        };
        let leads: Result<Vec<Lead<'_>>, DecisionFailure> = inputs.iter().map(|input| self.lead(input)).collect();
        let (Ok(parameters), Ok(leads)) = (self.parameters(&first.parameters), leads) else {
            return (None, Cost::default());
        };
        let budgets = self.budgets.times(inputs.len());
        let (answers, cost) = instance::call(&self.guest, watch, &budgets, |store, instance| {
            let score_batch: ScoreBatch<'_> = function(store, instance, score_batch)?;
            Ok(score_batch.call(store, (first.now.as_ms(), &parameters, &leads))?.0)
        });
        let answers = answers.ok().filter(|answers| answers.len() == inputs.len());
        (answers.map(|answers| answers.into_iter().map(|rating| answer::score(&self.info, rating)).collect()), cost)
    }

    fn call<R>(
        &self,
        watch: &Watch,
        ask: impl FnOnce(&mut Store<Taken>, &Instance) -> wasmtime::Result<R>,
    ) -> (Result<R, DecisionFailure>, Cost) {
        instance::call(&self.guest, watch, &self.budgets, ask)
    }

    fn parameters<'a>(&self, values: &'a [Value]) -> Result<Vec<Given<'a>>, DecisionFailure> {
        let described = &self.info.parameters;
        if values.len() != described.len() {
            return Err(unavailable(&format!(
                "`{}` takes {} parameters, and {} were given",
                self.info.name,
                described.len(),
                values.len()
            )));
        }
        Given::all(values).map_err(|at| unavailable(&format!("`{}` is no list of texts", described[at].name)))
    }

    fn lead<'a>(&self, input: &'a DecisionInput) -> Result<Lead<'a>, DecisionFailure> {
        Lead::of(input, &self.codes).map_err(|at| unavailable(&format!("field {at} is no list of texts")))
    }
}

fn unavailable(why: &str) -> DecisionFailure {
    DecisionFailure::Unavailable(why.to_owned())
}
