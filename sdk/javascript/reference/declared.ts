// What the plugin declares: what it can be told, what it reads, why it gives points, and the codes it tells apart.

import type { Engagement as AnyEngagement, FieldsOf, ParametersOf, Tally as AnyTally, Touch as AnyTouch } from 'cadenza-sdk';
import type { FieldSpecs, ParameterSpecs, RuleSpecs } from 'cadenza-sdk';

export const parameters = {
  hot: {
    type: 'int', default: 75, minimum: -1000, maximum: 1000,
    summary: 'Points from which a lead is hot and goes straight to closers.',
  },
  warm: {
    type: 'int', default: 40, minimum: -1000, maximum: 1000,
    summary: 'Points from which a lead is warm and goes to sales development.',
  },
  steady: {
    type: 'int', default: 5, minimum: 0, maximum: 1000,
    summary: 'A hot lead stays hot until it has lost so many points below `hot`, so that it does not go to and fro.',
  },
  industries: { type: 'texts', default: [], summary: 'Industries we serve best; none are preferred when empty.' },
  countries: {
    type: 'texts', default: [],
    summary: 'Countries we sell to, as ISO 3166 codes; every country when empty.',
  },
  budget: {
    type: 'number', default: 10_000, minimum: 0, maximum: 1_000_000_000,
    summary: "The budget from which it counts, in the workspace's currency.",
  },
  large: {
    type: 'int', default: 500, minimum: 1, maximum: 10_000_000,
    summary: 'Companies with at least so many people count as large.',
  },
  free_mail: {
    type: 'texts', default: [],
    summary: 'More mail domains that say nothing about a company, beside the usual ones.',
  },
  buying_words: {
    type: 'texts', default: ['price', 'quote', 'demo', 'offer'],
    summary: 'Words in a message that show the lead means to buy.',
  },
} as const satisfies ParameterSpecs;

// A blank field neither gives nor takes points, unless said otherwise.
export const fields = {
  // Tells free mail from a company's.
  email: 'text',
  // Read for seniority when `seniority` is blank.
  title: 'text',
  // Code of the standard field.
  seniority: 'text',
  // People in the company.
  employees: 'int',
  // Compared with `industries`.
  industry: 'text',
  // Compared with `countries`; blank counts as served.
  country: 'text',
  // Where the lead came from.
  source: 'text',
  // In the workspace's currency.
  budget: 'number',
  // When the project starts; one far away loses nothing (practice D6).
  project_date: 'time',
  // What the lead is interested in.
  product: 'text',
  // The pain the lead names.
  pain: 'text',
  // What the lead wrote.
  message: 'text',
} as const satisfies FieldSpecs;

// Why a lead gets or loses points.
export const rules = {
  seniority: { id: 1, text: 'Has a say in such purchases: {value}' },
  company_size: { id: 2, text: 'The company has {value} people' },
  industry: { id: 3, text: 'Works in an industry we serve best: {value}' },
  country: { id: 4, text: 'Is in a country we do not sell to: {value}' },
  source: { id: 5, text: 'Came to us by {value}' },
  budget: { id: 6, text: 'Has a budget of {value}' },
  // The best projects are four months out or longer (practice D6).
  project_date: { id: 7, text: 'The project starts in {value} days' },
  need: { id: 8, text: 'Says what it needs: {value}' },
  message: { id: 9, text: 'Wrote to us: {value}' },
  free_mail: { id: 10, text: 'Writes from {value}, which tells nothing about a company' },
  engagement: { id: 11, text: 'Engaged with us {value} times in 30 days' },
  talk: { id: 12, text: 'Said when it was reached: {value}' },
  steady: { id: 13, text: 'Was hot with {value} points and stays so for now' },
} as const satisfies RuleSpecs;

// What it tells apart in the results of touches. Not at this time is not lost (practice B10).
export const codes = ['qualified', 'unqualified', 'callback', 'not_now'] as const;

export type Parameters = ParametersOf<typeof parameters>;
export type Fields = FieldsOf<typeof fields>;
export type Rule = keyof typeof rules;
export type Known = (typeof codes)[number];
export type Tally = AnyTally<Rule>;
export type Touch = AnyTouch<Known>;
export type Engagement = AnyEngagement<Known>;
