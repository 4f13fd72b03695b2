import { runWorks } from '../../src/plan/prepare.ts'
import { sourceDraft } from '../../src/plan/source-plan.ts'
import { withTools } from '../../src/plan/tools.ts'
import type { PlanParts } from '../../src/plan/words.ts'
import { integer, text } from '../../src/types/declare.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { planFixture, sourceOf, type PlanFixture } from './plan-fixture.ts'

const shelves = defineView({
  name: 'shelves',
  key: { house: 'text', number: 'integer' },
  row: from('Lager.Regale "A"'.replaceAll('"', ''), {
    key: ['house', 'number'],
    fields: { label: text('the Label'), depth: integer('depth') },
  }),
  counts: {
    boxCount: countOf('boxes', { by: ['in house', 'in number'] }),
    moveCount: countOf('moves', { by: ['house', 'number'] }),
  },
})

const schema = `
  create schema "Lager";
  create table "Lager"."Regale A" (house text, number int, "the Label" text, depth smallint, primary key (house, number));
  create table boxes (id bigint primary key, "in house" varchar, "in number" int);
  create table moves (id bigint, house text, number int, at date, primary key (id, at)) partition by range (at);
  create table moves_old partition of moves for values from (minvalue) to ('2026-01-01');
  create table "moves New" partition of moves for values from ('2026-01-01') to (maxvalue);`

let fixture: PlanFixture
let parts: PlanParts
let said: string[] = []

beforeAll(async () => {
  fixture = await planFixture('lager')
  parts = fixture.parts([shelves])
}, 60_000)

afterAll(() => fixture?.close())

/** Does what a plan says; answers the steps that failed. */
function carryOut(given = parts) {
  said = []
  return withTools(given, (tools) =>
    runWorks(
      () => sourceDraft(given, tools),
      (line) => void said.push(line),
    ),
  )
}

test('the owner of strange tables prepares them, and what needs a superuser is said', async () => {
  const owner = await fixture.as(fixture.urls.owner)
  await owner.query(schema)
  const before = await sourceOf(parts)
  expect(before.faults).toEqual([])
  const failures = await carryOut()
  expect(failures.map(({ what }) => what)).toEqual([
    'create role lager_capture',
    'let role lager_capture use schema Lager',
  ])
  const left = await sourceOf(parts)
  expect(left.works.map(({ what }) => what)).toEqual(failures.map(({ what }) => what))
}, 60_000)
