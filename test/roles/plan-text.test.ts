import type { Plan } from '../../src/plan/plan.ts'
import { planSql, planText } from '../../src/roles/plan-text.ts'

const plan: Plan = {
  steps: [
    {
      where: 'source',
      what: 'create role reader',
      text: ['create role reader;'],
      needs: 'CREATEROLE',
    },
    { where: 'source', what: 'two things', text: ['a;', 'b;'], needs: undefined },
    { where: 'kafka', what: 'create a topic', text: ['t: 4 partitions'], needs: undefined },
  ],
  faults: [],
  notes: ['something to know'],
}

test('steps stand by what they change, those of the source as SQL that can be run', () => {
  expect(planText(plan)).toBe(`source:
  -- create role reader (needs CREATEROLE)
  create role reader;
  -- two things
  a;
  b;

kafka:
  create a topic
    t: 4 partitions

note: something to know

3 steps to do: \`millrace apply\` does them.`)
})

test('what is in the way stands last, with its cure', () => {
  const fault = { where: 'source', table: 't', column: 'c', what: 'column c of t is gone' }
  const faults = [
    { ...fault, cure: 'Add it.', answered: true },
    { ...fault, what: 'and t', cure: undefined, answered: true },
  ]
  expect(planText({ steps: [], faults, notes: [] })).toBe(`in the way:
  source: column c of t is gone
    Add it.
  source: and t

The views can't be kept before that is mended.`)
})

test('a set-up that fits has one line', () => {
  expect(planText({ steps: [], faults: [], notes: [] })).toBe('All fits: there is nothing to do.')
})

test('the SQL alone is that of the source', () => {
  expect(planSql(plan)).toBe(`-- To be run as it stands, not in one transaction.

-- create role reader (needs CREATEROLE)
create role reader;

-- two things
a;
b;`)
  expect(planSql({ steps: plan.steps.slice(2) })).toBe('-- The source lacks nothing.')
})
