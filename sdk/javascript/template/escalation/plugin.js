// Decides what to do when something is not done in time: wait for business hours, remind, raise, or reassign.

import { definePlugin, MINUTE } from 'cadenza-sdk';

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  summary: 'Decides whether to wait, remind, raise or reassign when something is late.',

  // What a workflow may set under `with`.
  parameters: {
    patience: {
      type: 'duration', default: 5 * MINUTE,
      summary: 'Business time that has to pass before anything is done.',
    },
    reminders: {
      type: 'int', default: 1, minimum: 0, maximum: 20,
      summary: 'How often the owner is reminded before it is raised.',
    },
  },

  // Why this is done. An id, once used, is never given to another rule.
  rules: {
    patience: { id: 1, text: 'Only {value} minutes of business time have passed' },
    owner_away: { id: 2, text: 'Nobody who is at work owns the lead' },
    remind: { id: 3, text: 'The lead waits for {value} minutes, and the owner can be reminded' },
    raise: { id: 4, text: 'The lead waits for {value} minutes in spite of reminders' },
  },

  reads() {
    return { ownerPresent: true, businessElapsed: true };
  },

  decide({ parameters, ownerPresent, businessElapsed, tally: newTally }, overdue) {
    const tally = newTally();
    if (businessElapsed !== undefined && businessElapsed < parameters.patience) {
      tally.because('patience', Math.floor(businessElapsed / MINUTE));
      return tally.verdict('wait');
    }
    if (!ownerPresent) {
      tally.because('owner_away');
      return tally.verdict('reassign');
    }
    const waited = Math.floor(overdue.waited / MINUTE);
    if (overdue.reminders < parameters.reminders) {
      tally.because('remind', waited);
      return tally.verdict('remind');
    }
    tally.because('raise', waited);
    return tally.verdict(overdue.raised ? 'wait' : 'raise');
  },
});
