// The points of each rule. The figures are ours; they are chosen so that about a quarter of a web form's leads are hot
// (practice E1).

import { DAY } from 'cadenza-sdk';
import type { Engagement, Fields, Parameters, Rule, Tally, Touch } from './declared.ts';

// How many days back engagement counts.
export const ENGAGEMENT_DAYS = 30;
const REMEMBERED = ENGAGEMENT_DAYS * DAY;
// Engagement that is younger counts more.
const FRESH = 7 * DAY;
const ENGAGEMENT_POINTS_MAX = 20;
// A project further away than the first counts most (practice D6), one closer than the second least.
const [FAR, NEAR, BEGUN] = [120 * DAY, 90 * DAY, 0];
// Mail domains that say nothing about a company; `free_mail` adds to them.
const FREE_MAIL = [
  'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'yahoo.com', 'icloud.com', 'gmx.net', 'proton.me',
];
// A message that says something has at least so many bytes.
const MESSAGE_BYTES_MIN = 20;
const CLIP_CHARS_MAX = 60;
const encoder = new TextEncoder();

const SENIORITY_POINTS = new Map([['c_level', 20], ['vp', 18], ['director', 15], ['manager', 8]]);
const SOURCE_POINTS = new Map([['phone', 20], ['referral', 20], ['chat', 15], ['web', 12], ['event', 8]]);
const TALK_POINTS = new Map([['qualified', 20], ['callback', 12], ['not_now', -5], ['unqualified', -40]]);
// Words of job titles and their seniority, the decisive first: a vice president is no president.
const SENIORITY_WORDS: readonly (readonly [string, string])[] = [
  ['vice', 'vp'],
  ['vp', 'vp'],
  ['svp', 'vp'],
  ['evp', 'vp'],
  ['chief', 'c_level'],
  ['ceo', 'c_level'],
  ['cto', 'c_level'],
  ['cfo', 'c_level'],
  ['cio', 'c_level'],
  ['coo', 'c_level'],
  ['cmo', 'c_level'],
  ['founder', 'c_level'],
  ['owner', 'c_level'],
  ['president', 'c_level'],
  ['director', 'director'],
  ['head', 'director'],
  ['manager', 'manager'],
];

// Who the person is and how it came to us.
export function person(tally: Tally, fields: Fields): void {
  const seniority = fields.seniority ?? (fields.title === undefined ? undefined : seniorityOf(fields.title)) ?? '';
  give(tally, 'seniority', SENIORITY_POINTS.get(seniority) ?? 0, seniority);
  const source = fields.source ?? '';
  give(tally, 'source', SOURCE_POINTS.get(source) ?? 0, source);
}

// The highest seniority that a job title speaks of.
function seniorityOf(title: string): string | undefined {
  const words = lower(title).split(/[^0-9a-z]+/);
  return SENIORITY_WORDS.find(([word]) => words.includes(word))?.[1];
}

// What company it is.
export function company(tally: Tally, fields: Fields, parameters: Parameters): void {
  const { employees, industry, country, email } = fields;
  if (employees !== undefined) give(tally, 'company_size', sizePoints(employees, parameters.large), employees);
  if (industry !== undefined && contains(parameters.industries, industry)) tally.add('industry', 10, industry);
  if (country !== undefined && parameters.countries.length > 0 && !contains(parameters.countries, country)) {
    tally.add('country', -30, country);
  }
  const at = email?.lastIndexOf('@') ?? -1;
  if (email === undefined || at < 0) return;
  const domain = email.slice(at + 1);
  if (FREE_MAIL.includes(lower(domain)) || contains(parameters.free_mail, domain)) tally.add('free_mail', -10, domain);
}

function sizePoints(employees: number, large: number): number {
  if (employees >= large) return 15;
  if (employees >= Math.trunc(large / 10)) return 10;
  return employees >= 10 ? 5 : 0;
}

// What it needs, and when.
export function need(tally: Tally, fields: Fields, parameters: Parameters, now: Date): void {
  const { budget, project_date: start, pain, product, message } = fields;
  if (budget !== undefined) {
    give(tally, 'budget', budget >= parameters.budget ? 15 : budget > 0 ? 5 : 0, whole(budget));
  }
  if (start !== undefined) {
    const ahead = start.getTime() - now.getTime();
    give(tally, 'project_date', projectPoints(ahead), Math.trunc(ahead / DAY));
  }
  const named = pain ?? product;
  if (named !== undefined) tally.add('need', pain !== undefined && product !== undefined ? 10 : 6, clip(named));
  if (message !== undefined) messagePoints(tally, message, parameters.buying_words);
}

// Without what is behind the point, and within 64 bits.
function whole(number: number): number {
  return Math.max(-(2 ** 63), Math.min(2 ** 63, Math.trunc(number)));
}

function projectPoints(ahead: number): number {
  if (ahead > FAR) return 12;
  if (ahead > NEAR) return 10;
  // What is past says only that there was a project.
  return ahead > BEGUN ? 8 : 0;
}

function messagePoints(tally: Tally, message: string, buyingWords: readonly string[]): void {
  const text = lower(message);
  const word = buyingWords.find((word) => word !== '' && text.includes(lower(word)));
  if (word !== undefined) tally.add('message', 12, word);
  else if (bytes(message) >= MESSAGE_BYTES_MIN) tally.add('message', 4, 'no buying word');
}

// What it does and says.
export function behaviour(tally: Tally, engagement: readonly Engagement[], touches: readonly Touch[]): void {
  const fresh = engagement.filter((seen) => seen.age < FRESH).length;
  const remembered = engagement.filter((seen) => seen.age < REMEMBERED).length;
  const points = Math.min(fresh * 5 + (remembered - fresh) * 2, ENGAGEMENT_POINTS_MAX);
  give(tally, 'engagement', points, remembered);

  // Only the last talk counts. Not recalling us or seeing things differently lowers nothing (practice D5).
  const said = touches.find((touch) => touch.result !== undefined)?.result ?? '';
  give(tally, 'talk', TALK_POINTS.get(said) ?? 0, said);
}

// After how long the points change even if nothing happens: engagement becomes stale and is forgotten, a project comes
// nearer.
export function nextChange(fields: Fields, engagement: readonly Engagement[], now: Date): number | undefined {
  const left = engagement.flatMap((seen) => [FRESH - seen.age, REMEMBERED - seen.age]);
  if (fields.project_date !== undefined) {
    const ahead = fields.project_date.getTime() - now.getTime();
    left.push(ahead - FAR, ahead - NEAR, ahead - BEGUN);
  }
  const ahead = left.filter((change) => change > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

// Rules that give nothing are not worth a reader's time.
function give(tally: Tally, rule: Rule, points: number, value: string | number): void {
  if (points !== 0) tally.add(rule, points, value);
}

function contains(listed: readonly string[], text: string): boolean {
  const wanted = lower(text);
  return listed.some((entry) => lower(entry) === wanted);
}

// Only the letters of ASCII have an upper and a lower case here, so that no word is found by the rules of some language.
function lower(text: string): string {
  return bytes(text) === text.length ? text.toLowerCase() : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

// How long a text is in UTF-8.
function bytes(text: string): number {
  return encoder.encode(text).length;
}

// The beginning of a text, short enough for a reason.
function clip(text: string): string {
  if (text.length <= CLIP_CHARS_MAX) return text;
  // A character is at most two units; taking a whole long text apart would cost more than all rules.
  return [...text.slice(0, 2 * CLIP_CHARS_MAX)].slice(0, CLIP_CHARS_MAX).join('');
}
