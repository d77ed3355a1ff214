//! A plugin that is loaded into one sandbox: what it exports and says of itself, and how each question is put to it.

use crate::answer::{self, DecisionResult};
use crate::compiled::{self, Compiled};
use crate::contract::{self, Choice, Description, Given, Input, Overdue, Rating, Texts, Verdict, View};
use crate::error::LoadError;
use crate::instance::{self, Taken, shorten};
use crate::layout::{Codes, Layout, NotTexts};
use crate::limits::{Asks, BudgetOverrides, Budgets, HostLimits, REASON_BYTES_MAX};
use crate::resource::Resource;
use crate::ticker::Watch;
use crate::used::{Shape, Used};
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionInput, DecisionKind, PluginInfo, Reads};
use cadenza_core::value::Value;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc,
};
use wasmtime::{Engine, Store};

pub(crate) struct Plugin {
    pub(crate) info: PluginInfo,
    guest: InstancePre<Taken>,
    exports: Exports,
    /// `log`, or nothing.
    pub(crate) imports: Vec<String>,
    codes: Codes,
    asks: Asks,
    budgets: Budgets,
    shape: Shape,
    /// `reads` is asked when a workspace is checked, so it may take as much as a description.
    description_budgets: Budgets,
}

/// Where the functions of the contract are in the component. Functions of kinds that it does not decide are missing.
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

    /// Compares every function's type with the contract's; [`function`] relies on it.
    fn check(&self, store: &mut Store<Taken>, instance: &Instance) -> wasmtime::Result<()> {
        fn fits<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
            store: &mut Store<Taken>,
            instance: &Instance,
            export: &ComponentExportIndex,
            _: fn(TypedFunc<P, R>),
        ) -> wasmtime::Result<()> {
            instance.get_typed_func::<P, R>(store, export).map(|_| ())
        }
        fits(store, instance, &self.describe, |_: Describe| ())?;
        fits(store, instance, &self.reads, |_: AskReads<'_>| ())?;
        if let Some(score) = &self.score {
            fits(store, instance, score, |_: Score<'_>| ())?;
        }
        if let Some(score_batch) = &self.score_batch {
            fits(store, instance, score_batch, |_: ScoreBatch<'_>| ())?;
        }
        if let Some(choose) = &self.choose {
            fits(store, instance, choose, |_: Choose<'_>| ())?;
        }
        if let Some(decide) = &self.decide {
            fits(store, instance, decide, |_: Decide<'_>| ())?;
        }
        Ok(())
    }
}

type Describe = TypedFunc<(), (Description,)>;
type AskReads<'a> = TypedFunc<(Texts<'a>, &'a [Given]), (Result<View, String>,)>;
type Score<'a> = TypedFunc<(Input<'a>,), (Result<Rating, String>,)>;
type ScoreBatch<'a> = TypedFunc<(Input<'a>,), (Vec<Result<Rating, String>>,)>;
type Choose<'a> = TypedFunc<(Input<'a>,), (Result<Choice, String>,)>;
type Decide<'a> = TypedFunc<(Input<'a>, Overdue), (Result<Verdict, String>,)>;

/// A function of the guest. Its type was compared with the contract's when the plugin was loaded; comparing it again
/// costs 0.2 µs a call (`measured.md`).
#[allow(unsafe_code, reason = "the type was checked when the plugin was loaded, see SAFETY")]
fn function<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift>(
    store: &mut Store<Taken>,
    instance: &Instance,
    export: &ComponentExportIndex,
) -> TypedFunc<P, R> {
    let function = instance.get_func(store, export).expect("`Exports::check` found a function there");
    // SAFETY: `Plugin::load` first lets `Exports::check` compare the types of the same exports of the same component,
    // and `Plugin::like` makes another only from the code that it was loaded from.
    unsafe { TypedFunc::new_unchecked(function) }
}

impl Plugin {
    /// Maps a compiled component into an engine, checks it against the contract and asks it to describe itself.
    pub(crate) fn load(
        compiled: &Compiled,
        engine: &Engine,
        watch: &Watch,
        limits: &HostLimits,
        overrides: &BudgetOverrides,
    ) -> Result<Self, LoadError> {
        let told = |error: wasmtime::Error| shorten(format!("{error:#}"), REASON_BYTES_MAX);
        let invalid = |error| LoadError::Invalid(told(error));
        let component = compiled.component(engine, limits)?;
        let exports = Exports::of(&component)?;
        let guest = instance::linker(engine).and_then(|linker| linker.instantiate_pre(&component)).map_err(invalid)?;
        let budgets = Budgets::for_description(limits);
        let asked = instance::call(&guest, watch, &budgets, |store, instance| {
            if let Err(error) = exports.check(store, instance) {
                return Ok(Err(LoadError::Contract(told(error))));
            }
            let describe: Describe = function(store, instance, &exports.describe);
            Ok(Ok(describe.call(store, ())?.0))
        });
        let description = asked.answer.map_err(LoadError::Describe)??;
        let codes = Codes::new(description.codes.clone());
        let asks = Asks { fuel: description.fuel_budget, memory_bytes: description.memory_budget };
        let started = |budgets: &Budgets| instance::call(&guest, watch, budgets, |_, _| Ok(())).answer;
        let shape = Shape::of(&budgets, |budgets| started(budgets).is_ok());
        let info = answer::description(description, exports.kinds(), compiled.digest())
            .map_err(|why| LoadError::Description(shorten(why, REASON_BYTES_MAX)))?;
        let imports = compiled::imports(&component, engine);
        let mut plugin =
            Self { info, guest, exports, imports, codes, asks, budgets, shape, description_budgets: budgets };
        plugin.set_budget(limits, overrides);
        Ok(plugin)
    }

    /// Sets what decisions may use from now on, where the workspace differs from what the plugin asks for.
    pub(crate) fn set_budget(&mut self, limits: &HostLimits, overrides: &BudgetOverrides) {
        self.budgets = Budgets::for_decision(limits, self.asks, overrides);
        self.info.fuel_budget = self.budgets.fuel;
        self.info.memory_budget = self.budgets.memory_bytes as u64;
    }

    /// Whether any decision can begin within its budgets.
    pub(crate) fn can_begin(&self, watch: &Watch) -> Result<(), LoadError> {
        self.shape.fits(&self.budgets)?;
        // With a short wall time, a busy machine would refuse what an idle one accepts.
        let budgets = Budgets { wall_ms: self.description_budgets.wall_ms, ..self.budgets };
        let begun = instance::call(&self.guest, watch, &budgets, |_, _| Ok(()));
        let setting = begun.exceeded.map(Resource::setting);
        begun.answer.map_err(|failure| LoadError::Start { failure, setting })
    }

    /// The same plugin in another engine, which maps the same code. The guest is not asked again.
    pub(crate) fn like(&self, compiled: &Compiled, engine: &Engine, limits: &HostLimits) -> Result<Self, LoadError> {
        let invalid = |error: wasmtime::Error| LoadError::Invalid(shorten(format!("{error:#}"), REASON_BYTES_MAX));
        let component = compiled.component(engine, limits)?;
        Ok(Self {
            info: self.info.clone(),
            exports: Exports::of(&component)?,
            guest: instance::linker(engine).and_then(|linker| linker.instantiate_pre(&component)).map_err(invalid)?,
            imports: self.imports.clone(),
            codes: self.codes.clone(),
            asks: self.asks,
            budgets: self.budgets,
            shape: self.shape,
            description_budgets: self.description_budgets,
        })
    }

    /// What it wants to see, given these parameters.
    pub(crate) fn reads(
        &self,
        watch: &Watch,
        layout: &mut Layout,
        parameters: &[Value],
    ) -> Result<Reads, DecisionFailure> {
        self.check_parameters(parameters)?;
        let (texts, parameters) = layout.parameters(parameters).map_err(|cannot| self.cannot_pass(cannot))?;
        let called = instance::call(&self.guest, watch, &self.description_budgets, |store, instance| {
            let reads: AskReads<'_> = function(store, instance, &self.exports.reads);
            Ok(reads.call(store, (texts, parameters))?.0)
        });
        answer::reads(called.answer?)
    }

    /// Takes one decision.
    pub(crate) fn decide(
        &self,
        watch: &Watch,
        layout: &mut Layout,
        kind: DecisionKind,
        asked: &DecisionInput,
    ) -> Decided {
        let input = match self.lay_out(layout, std::slice::from_ref(asked)) {
            Ok(input) => input,
            Err(failure) => return Decided::not_asked(failure),
        };
        let called = match (kind, &self.exports) {
            (DecisionKind::Scoring, Exports { score: Some(score), .. }) => self.call(watch, |store, instance| {
                let score: Score<'_> = function(store, instance, score);
                Ok(answer::score(&self.info, score.call(store, (input,))?.0))
            }),
            (DecisionKind::Nurture, Exports { choose: Some(choose), .. }) => self.call(watch, |store, instance| {
                let choose: Choose<'_> = function(store, instance, choose);
                Ok(answer::choice(&self.info, choose.call(store, (input,))?.0))
            }),
            (DecisionKind::Escalation, Exports { decide: Some(decide), .. }) => {
                let Some(overdue) = asked.overdue.as_ref().map(Overdue::from) else {
                    return Decided::not_asked(unavailable("nothing overdue is given to decide about"));
                };
                self.call(watch, |store, instance| {
                    let decide: Decide<'_> = function(store, instance, decide);
                    Ok(answer::verdict(&self.info, decide.call(store, (input, overdue))?.0))
                })
            }
            (kind, _) => {
                let why = format!("the plugin `{}` does not decide {kind}", self.info.name);
                return Decided::not_asked(DecisionFailure::Unavailable(why));
            }
        };
        let instance::Called { answer, cost, table_elements, exceeded, log, backtrace } = called;
        let answer = answer.and_then(|answer| answer);
        let output_bytes = answer.as_ref().map_or(0, Decision::bytes);
        let mut used = Used::new(&cost, output_bytes, table_elements, self.shape);
        if let Some(resource) = exceeded {
            used.reached(resource, &self.budgets);
        }
        Decided { answer, cost, used, exceeded, log, backtrace }
    }

    /// Scores leads that share `now` and parameters in one instance. If that fails, or the answer does not have one
    /// entry for each lead, they have to be asked singly.
    pub(crate) fn score_batch(
        &self,
        watch: &Watch,
        layout: &mut Layout,
        inputs: &[DecisionInput],
    ) -> (Result<Vec<DecisionResult>, DecisionFailure>, Cost) {
        let Some(score_batch) = &self.exports.score_batch else {
            return (Err(unavailable("the plugin does not score batches")), Cost::default());
        };
        let input = match self.lay_out(layout, inputs) {
            Ok(input) => input,
            Err(failure) => return (Err(failure), Cost::default()),
        };
        let budgets = self.budgets.times(inputs.len());
        let called = instance::call(&self.guest, watch, &budgets, |store, instance| {
            let score_batch: ScoreBatch<'_> = function(store, instance, score_batch);
            Ok(score_batch.call(store, (input,))?.0)
        });
        let answers = called.answer.and_then(|answers| match answers.len() == inputs.len() {
            true => Ok(answers.into_iter().map(|rating| answer::score(&self.info, rating)).collect()),
            false => {
                let (leads, answers) = (inputs.len(), answers.len());
                Err(DecisionFailure::BadOutput(format!("{answers} scores for a batch of {leads} leads")))
            }
        });
        (answers, called.cost)
    }

    fn call<R>(
        &self,
        watch: &Watch,
        ask: impl FnOnce(&mut Store<Taken>, &Instance) -> wasmtime::Result<R>,
    ) -> instance::Called<R> {
        instance::call(&self.guest, watch, &self.budgets, ask)
    }

    /// What a decision of this plugin may use.
    pub(crate) fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    fn lay_out<'l>(&self, layout: &'l mut Layout, inputs: &[DecisionInput]) -> Result<Input<'l>, DecisionFailure> {
        let [shared, ..] = inputs else { return Err(unavailable("no lead is given to decide about")) };
        self.check_parameters(&shared.parameters)?;
        layout.leads(inputs, &self.codes).map_err(|cannot| self.cannot_pass(cannot))
    }

    fn check_parameters(&self, values: &[Value]) -> Result<(), DecisionFailure> {
        let (described, given) = (self.info.parameters.len(), values.len());
        if described == given {
            return Ok(());
        }
        let name = &self.info.name;
        Err(unavailable(&format!("`{name}` takes {described} parameters, and {given} were given")))
    }

    fn cannot_pass(&self, what: NotTexts) -> DecisionFailure {
        unavailable(&match what {
            NotTexts::Parameter(at) => format!("`{}` is no list of texts", self.info.parameters[at].name),
            NotTexts::Field(at) => format!("field {at} is no list of texts"),
        })
    }
}

/// The result of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The decision, or why there is none.
    pub answer: Result<Decision, DecisionFailure>,
    /// What it cost, decided or not.
    pub cost: Cost,
    /// The same, and everything else that is budgeted.
    pub used: Used,
    /// What ran out; `None` if nothing did.
    pub exceeded: Option<Resource>,
    /// The lines that the plugin logged meanwhile. They may name people.
    pub log: Vec<String>,
    /// After a trap: the plugin's functions that were running, innermost first.
    pub backtrace: Vec<String>,
}

impl Decided {
    /// For a plugin that was not asked at all.
    pub fn not_asked(failure: DecisionFailure) -> Self {
        Self {
            answer: Err(failure),
            cost: Cost::default(),
            used: Used::default(),
            exceeded: None,
            log: Vec::new(),
            backtrace: Vec::new(),
        }
    }
}

fn unavailable(why: &str) -> DecisionFailure {
    DecisionFailure::Unavailable(why.to_owned())
}
