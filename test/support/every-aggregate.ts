/** A declaration of every aggregate, over rows of one table. */
import type { TypedColumn } from '../../src/types/declare.ts'
import {
  averageOf,
  bigint,
  boolean,
  countOf,
  countsOf,
  date,
  defineView,
  earliestOf,
  enumeration,
  eq,
  from,
  gte,
  integer,
  isNotNull,
  latestOf,
  maxOf,
  minOf,
  numeric,
  sumOf,
  timestamptz,
  topOf,
  uuid,
  type AggregateDeclaration,
} from '../../src/index.ts'

const by = 'shop'
const key: readonly TypedColumn[] = [bigint('id'), { column: 'part', type: 'text' }]

/** By kind, as the index of aggregates calls them. */
export const everyAggregate: Readonly<
  Record<string, Readonly<Record<string, AggregateDeclaration>>>
> = {
  count: {
    sales: countOf('sales', { by }),
    paidSales: countOf('sales', { by, where: [eq(boolean('paid'), true)] }),
  },
  sum: {
    pieces: sumOf('sales', { by, of: integer('pieces') }),
    total: sumOf('sales', { by, of: numeric('total'), scale: 2, where: [isNotNull('note')] }),
  },
  average: {
    mean: averageOf('sales', { by, of: numeric('total'), scale: 2, digits: 1 }),
  },
  top: {
    articles: topOf('sales', { by, item: { article: bigint('article') }, most: 2 }),
    pairs: topOf('sales', {
      by,
      most: 3,
      where: [gte(integer('pieces'), 0)],
      item: { note: 'note', day: date('day'), paid: boolean('paid') },
    }),
  },
  counts: { states: countsOf('sales', { by, item: enumeration('state') }) },
  latest: {
    latest: latestOf('sales', {
      by,
      key,
      most: 3,
      order: timestamptz('at'),
      fields: { id: bigint('id'), at: timestamptz('at'), note: 'note' },
    }),
  },
  earliest: {
    first: earliestOf('sales', {
      by,
      key,
      most: 2,
      order: date('day'),
      where: [eq(boolean('paid'), true)],
      fields: { token: uuid('token'), part: 'part' },
    }),
  },
  min: {
    least: minOf('sales', { by, key, of: numeric('total'), scale: 2 }),
    firstToken: minOf('sales', { by, key, of: uuid('token') }),
  },
  max: {
    most: maxOf('sales', { by, key, of: integer('pieces') }),
    last: maxOf('sales', { by, key, of: timestamptz('at') }),
  },
}

export const everyView = defineView({
  name: 'shops',
  key: { shop: 'integer' },
  row: from('shops', { key: 'id', fields: { town: 'town' } }),
  aggregates: Object.assign({}, ...Object.values(everyAggregate)) as Readonly<
    Record<string, AggregateDeclaration>
  >,
})

export const everyTables = { sales: { key: ['id', 'part'] } }
