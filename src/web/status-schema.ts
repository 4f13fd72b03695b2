/** JSON schemas of the answers of `/health`, `/ready`, `/fresh` and `/status`. */

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const nullableText = { type: ['string', 'null'] }
const time = { type: 'string', format: 'date-time' }
const flag = { type: 'boolean' }
const whole = { type: 'integer' }
const nullableWhole = { type: ['integer', 'null'] }
const nullableNumber = { type: ['number', 'null'] }

const reasons = { ...texts, description: 'In words, what is not as it should be' }
const ageMs = {
  ...nullableWhole,
  description: 'How long ago everything committed then was known to be in the view',
}
const watermark = {
  ...nullableText,
  description: 'LSN of the source up to which every committed change is in the view',
}

export const healthSchema = {
  summary: 'Whether the process is alive',
  response: { 200: { description: 'It is', ...all({ status: { const: 'alive' } }) } },
}

const readable = { enum: ['ready', 'unavailable'] }
const readiness = all({
  status: readable,
  reasons,
  views: { type: 'array', items: all({ name: text, status: readable }) },
})

export const readySchema = {
  summary: 'Whether this process can answer reads',
  description:
    'For load balancers. A view that is in doubt or behind is served all the same: see /fresh. One ' +
    'that no process can read makes none unready that serves another.',
  response: {
    200: { description: 'It can', ...readiness },
    503: { description: 'It can not, and why', ...readiness },
  },
}

const freshness = all({
  status: { enum: ['fresh', 'stale'] },
  reasons,
  freshWithinMs: { ...whole, description: 'What is promised' },
  views: {
    type: 'array',
    items: all({ name: text, status: { enum: ['fresh', 'stale'] }, watermark, ageMs }),
  },
})

export const freshSchema = {
  summary: 'Whether every view is as fresh as promised',
  description:
    'For alarms, never for load balancers: every process answers alike, and taking one out ' +
    'makes no view fresher.',
  response: {
    200: { description: 'All are', ...freshness },
    503: { description: 'One is not, or nobody can tell, and why', ...freshness },
  },
}

const doubt = all({
  code: text,
  reason: text,
  hint: nullableText,
  since: time,
  tables: { ...texts, description: 'Whose contributions may be wrong; empty for all' },
})

const kind = {
  enum: ['build', 'doubt', 'steady'],
  description: 'What it is for: to fill the view, to end doubts, or to see that all is right',
}
const unproved = { ...texts, description: 'Tables of which something could not be told' }

const pass = nullable({
  description: 'How far the comparison of every entry with the source is',
  ...all({
    lap: { ...whole, description: 'Its number, from 1 on' },
    kind,
    section: {
      enum: ['rows', 'store', 'log'],
      description:
        'First the keys of the source, then those that the store has, then those that changes have touched meanwhile',
    },
    entries: { ...whole, description: 'Looked at in this lap' },
    started: time,
    unproved,
    last: nullable({
      description: 'The lap that ended last',
      ...all({ kind, ended: time, ageMs: whole, tookMs: whole, entries: whole, unproved }),
    }),
  }),
})

const looks = nullable({
  description: 'What all comparisons have found since the view was begun',
  ...all({
    looks: whole,
    entries: { ...whole, description: 'Entries looked at' },
    wrong: { ...whole, description: 'Entries found wrong' },
    healed: { ...whole, description: 'Those of them that were corrected' },
    letGo: { ...whole, description: 'Entries removed, for they were too old to be kept' },
    nines: {
      description:
        'Consistency: 3 means that one of a thousand entries looked at was wrong; null where none was',
      ...all({ hour: nullableNumber, day: nullableNumber }),
    },
    latest: {
      description: 'The latest wrong values: counters as they are, of anything else a hash',
      type: 'array',
      items: all({
        key: text,
        field: text,
        expected: nullableText,
        found: nullableText,
        at: time,
        healed: flag,
      }),
    },
  }),
})

const view = all({
  name: text,
  phase: {
    enum: ['unknown', 'absent', 'building', 'serving'],
    description: 'Of the declaration that this process serves',
  },
  declarations: {
    description: 'Those by which the view is kept, the newest last',
    type: 'array',
    items: all({ id: text, complete: flag, own: flag }),
  },
  epoch: nullableText,
  watermark,
  ageMs,
  keptFrom: {
    ...nullableText,
    description: 'The time before which entries are let go; null where all are kept',
  },
  doubts: { description: 'Why entries may be wrong', type: 'array', items: doubt },
  pass,
  looks,
  parked: { ...nullableWhole, description: 'Records kept aside that could not be decoded' },
  problems: {
    description: 'What stands still',
    type: 'array',
    items: all({ place: text, code: text, message: text, hint: nullableText, since: time }),
  },
  slot: nullable({
    description: "The connector's replication slot, looked at every 30 s",
    ...all({
      active: flag,
      walStatus: {
        ...text,
        description: 'As Postgres says it: reserved, extended, unreserved, lost',
      },
      walBytes: { ...whole, description: 'Write-ahead log that the source keeps for it' },
      seen: time,
    }),
  }),
  evicted: {
    ...nullableWhole,
    description: 'Keys that the store has dropped by itself to make room, since it started',
  },
  askedMsAgo: { ...nullableWhole, description: 'How long ago the store was asked for all this' },
})

export const statusSchema = {
  summary: 'Everything that is known about the views, for people and machines',
  response: {
    200: {
      description:
        'Unavailable where /ready is; degraded while a view can not be read, entries may be wrong, ' +
        'something stands still, or a view is not as fresh as promised',
      ...all({
        status: { enum: ['ready', 'degraded', 'unavailable'] },
        reasons,
        views: { type: 'array', items: view },
      }),
    },
  },
}

/** An object that has all of these and nothing else. */
function all(properties: Readonly<Record<string, object>>) {
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  }
}

function nullable(schema: ReturnType<typeof all> & { readonly description: string }) {
  return { ...schema, type: ['object', 'null'] }
}
