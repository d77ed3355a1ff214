// The types of what a plugin is written with. The guide is `README.md` beside this package.

/** The types a parameter or field may have. */
export interface Types {
  boolean: boolean;
  /** A whole number; exact up to 2^53. */
  int: number;
  number: number;
  text: string;
  time: Date;
  /** Milliseconds; may be negative. */
  duration: number;
  texts: readonly string[];
}

export type TypeName = keyof Types;

interface Spec<T extends TypeName> {
  readonly type: T;
  /** What it does, with its unit; for the editor. */
  readonly summary: string;
  /** Taken when the workflow sets nothing. Without a default it has to be set. */
  readonly default?: Types[T];
}

interface RangeSpec<T extends 'int' | 'number'> extends Spec<T> {
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Something a workflow may set under `with`. Its name is lower case, digits and `_`. */
export type ParameterSpec =
  | Spec<'boolean'>
  | RangeSpec<'int'>
  | RangeSpec<'number'>
  | Spec<'text'>
  | Spec<'time'>
  | Spec<'duration'>
  | Spec<'texts'>;

export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;
export type FieldSpecs = Readonly<Record<string, TypeName>>;

/** A rule that reasons name. */
export interface RuleSpec {
  /** Its number in journals. Once used it is never given to another rule. */
  readonly id: number;
  /** What it says in words; `{value}` and `{points}` stand for those of the reason. */
  readonly text: string;
}

export type RuleSpecs = Readonly<Record<string, RuleSpec>>;

/** The parameters that a decision sees, from their declarations: `ParametersOf<typeof parameters>`. */
export type ParametersOf<P extends ParameterSpecs> = { readonly [Name in keyof P]: Types[P[Name]['type']] };

/** The fields that a decision sees, from their declarations; blank ones are `undefined`. */
export type FieldsOf<F extends FieldSpecs> = { readonly [Name in keyof F]: Types[F[Name]] | undefined };

/** A code that the plugin's `codes` does not list. It equals none of them; new codes may appear at any time. */
export const UNLISTED: '(unlisted)';

/** One of the plugin's codes, or one that it does not list. */
export type Code<C extends string = string> = C | typeof UNLISTED;

/** One contact attempt that was completed. */
export interface Touch<C extends string = string> {
  /** How long ago, in milliseconds. */
  readonly age: number;
  readonly channel: Code<C>;
  /** What came of it. */
  readonly outcome: Code<C>;
  /** What the lead said; `undefined` when it was not reached. */
  readonly result: Code<C> | undefined;
}

/** Something the lead did of its own accord. */
export interface Engagement<C extends string = string> {
  /** How long ago, in milliseconds. */
  readonly age: number;
  readonly kind: Code<C>;
  /** With what: the page, paper or event. May be empty. */
  readonly detail: string;
}

/** What is not done in time. */
export interface Overdue {
  /** Which of the step's `at` points this is, from 0. */
  readonly point: number;
  /** How many points the step has. */
  readonly points: number;
  /** Milliseconds since the task was made. */
  readonly waited: number;
  /** Milliseconds since it was due; 0 before. */
  readonly late: number;
  /** How often somebody was reminded. */
  readonly reminders: number;
  /** Whether it was raised already. */
  readonly raised: boolean;
}

/** Everything that a decision depends on. `P` and `F` are its parameters and fields, `R` and `C` its rules and codes. */
export interface View<P = {}, F = {}, R extends string = string, C extends string = string> {
  /** When it is decided. */
  readonly now: Date;
  /** What the workflow says under `with`. */
  readonly parameters: P;
  /** The lead's fields; blank ones are `undefined`. */
  readonly fields: F;
  /** Newest first; empty unless asked for in `reads`. */
  readonly touches: readonly Touch<C>[];
  /** Newest first; empty unless asked for in `reads`. */
  readonly engagement: readonly Engagement<C>[];
  /** Whether the owner is at work now; `undefined` when not asked for or nobody owns the lead. */
  readonly ownerPresent: boolean | undefined;
  /** The points of this score as they were before; `undefined` when not asked for or there are none. */
  readonly previousScore: number | undefined;
  /** Business time since the task was made or the run entered, in milliseconds; `undefined` when not asked for. */
  readonly businessElapsed: number | undefined;
  /** A new tally of points and reasons. */
  tally(): Tally<R>;
}

export interface Reason<R extends string = string> {
  readonly rule: R;
  readonly points: number;
  /** What it saw, for the reader; its first 256 bytes are kept. */
  readonly value: string;
}

export type Segment = 'hot' | 'warm' | 'cold';
export type Action = 'wait' | 'remind' | 'raise' | 'reassign';

/** How good a lead is. */
export interface Rating<R extends string = string> {
  /** -1000 to 1000. */
  readonly points: number;
  readonly segment: Segment;
  readonly reasons?: readonly Reason<R>[];
  /** Ask again after so many milliseconds, rounded up to seconds: the score will then be another even if nothing happens. */
  readonly rescoreAfter?: number | undefined;
}

/** A track, and when to think again. */
export interface Choice<R extends string = string, T extends string = string> {
  readonly track: T;
  /** Ask again after so many milliseconds, rounded up to seconds; `undefined` leaves that to the workflow. */
  readonly lookAgain?: number | undefined;
  readonly reasons?: readonly Reason<R>[];
}

/** What to do about something overdue, and why. */
export interface Verdict<R extends string = string> {
  readonly action: Action;
  readonly reasons?: readonly Reason<R>[];
}

/** Points and the reasons for them. */
export class Tally<R extends string = string> {
  /** Gives or takes points by a rule, because of `value`. */
  add(rule: R, points: number, value?: string | number): void;
  /** Names a rule that decided without points. */
  because(rule: R, value?: string | number): void;
  /** The points so far, within what a score may have. */
  get points(): number;
  /** The weightiest first; of equal weight in the order in which they were given. */
  get reasons(): Reason<R>[];
  /** A score of these points; asked again after so many milliseconds. */
  rating(segment: Segment, rescoreAfter?: number): Rating<R>;
  /** A track, for these reasons; looked at again after so many milliseconds. */
  choice<T extends string>(track: T, lookAgain?: number): Choice<R, T>;
  /** An action, for these reasons. */
  verdict(action: Action): Verdict<R>;
}

/** A window on history: the newest `count`, not older than `daysBack`; each a whole number up to 65,535. */
export interface Window {
  readonly count: number;
  readonly daysBack: number;
  /** Only these channels or kinds of engagement; all of them when left out. */
  readonly kinds?: readonly string[];
}

/** What a plugin wants to see beside the lead's fields. */
export interface Reads {
  readonly touches?: Window;
  readonly engagement?: Window;
  /** Whether the owner is at work now. */
  readonly ownerPresent?: boolean;
  /** The points of this score as they were before. */
  readonly previousScore?: boolean;
  /** Business time since the task was made or the run entered. */
  readonly businessElapsed?: boolean;
}

/** What `definePlugin` is given. */
export interface Declared<
  P extends ParameterSpecs,
  F extends FieldSpecs,
  R extends RuleSpecs,
  C extends readonly string[],
  T extends readonly string[],
> {
  /** The name that workflows use: lower case, digits and `-`. */
  readonly name: string;
  /** The plugin's own version. */
  readonly version: string;
  /** What it is for, in one sentence. */
  readonly summary: string;
  /** What a workflow may set under `with`. */
  readonly parameters?: P;
  /** The lead fields it reads, by their names in the workspace. */
  readonly fields?: F;
  /** The rules that reasons name, by their names. */
  readonly rules?: R;
  /** The channels, outcomes, results and kinds of engagement it tells apart. */
  readonly codes?: C;
  /** The tracks that `choose` may choose. */
  readonly tracks?: T;
  /** The most fuel one decision should need, about one unit for each instruction; 12,000,000 when left out. */
  readonly fuelBudget?: number;
  /** The most bytes of memory one decision should need; 32 MiB when left out. */
  readonly memoryBudget?: number;
  /**
   * What it wants to see beside the fields, given these parameters. It may throw a `Refusal` that says, for whoever writes
   * the workflow, why parameters do not go together.
   */
  reads?(parameters: ParametersOf<P>): Reads;
  /** Says how good a lead is. */
  score?(view: View<ParametersOf<P>, FieldsOf<F>, keyof R & string, C[number]>): Rating<keyof R & string>;
  /** Chooses a nurture track. */
  choose?(view: View<ParametersOf<P>, FieldsOf<F>, keyof R & string, C[number]>): Choice<keyof R & string, T[number]>;
  /** Decides what to do about something overdue. */
  decide?(
    view: View<ParametersOf<P>, FieldsOf<F>, keyof R & string, C[number]>,
    overdue: Overdue,
  ): Verdict<keyof R & string>;
}

/** Makes a plugin; it has to be what the module exports by default. */
export function definePlugin<
  const P extends ParameterSpecs = {},
  const F extends FieldSpecs = {},
  const R extends RuleSpecs = {},
  const C extends readonly string[] = readonly [],
  const T extends readonly string[] = readonly [],
>(declared: Declared<P, F, R, C, T>): Plugin<P, F, R, C, T>;

/** A plugin, as tests see it. */
export interface Plugin<
  P extends ParameterSpecs,
  F extends FieldSpecs,
  R extends RuleSpecs,
  C extends readonly string[],
  T extends readonly string[],
> extends Declared<P, F, R, C, T> {
  readonly parameters: P;
  readonly fields: F;
}

/** What is declared is not what the contract allows. */
export class DeclarationError extends TypeError {}

/** Thrown by a decision that cannot decide; it says why to whoever reads the journal. */
export class Refusal extends Error {}

/**
 * Says a line: `cadenza plugin test` prints it, and the engine keeps it with the decision. At most 100 lines and 16 KiB a
 * decision. `console.log` does the same.
 */
export function log(...parts: unknown[]): void;

/**
 * The rows of a CSV file with a heading, by the names of its columns; with `key` found by that column. Cells are trimmed; a
 * row that is short or long, and a key or heading that occurs twice, are errors. Read at the top of a module, when the
 * plugin is built. The path is relative to the plugin's folder, in which tests have to run.
 */
export function table(path: string, options?: { separator?: string }): Record<string, string>[];
export function table(path: string, options: { key: string; separator?: string }): Map<string, Record<string, string>>;

/** The lines of a text file without blank ones and without those that begin with `#`. Read like `table`. */
export function lines(path: string): string[];

/** A view for tests: parameters that are not set have their default, fields that are not named are blank. */
export function viewOf<
  P extends ParameterSpecs,
  F extends FieldSpecs,
  R extends RuleSpecs,
  C extends readonly string[],
  T extends readonly string[],
>(
  plugin: Plugin<P, F, R, C, T>,
  seen: { now: Date; parameters?: Partial<ParametersOf<P>>; fields?: Partial<FieldsOf<F>> } & Partial<
    Pick<
      View<ParametersOf<P>, FieldsOf<F>, keyof R & string, C[number]>,
      'touches' | 'engagement' | 'ownerPresent' | 'previousScore' | 'businessElapsed'
    >
  >,
): View<ParametersOf<P>, FieldsOf<F>, keyof R & string, C[number]>;

/** Lengths of time, in milliseconds. */
export const SECOND: number;
export const MINUTE: number;
export const HOUR: number;
export const DAY: number;
