/** What people write of a view. */
import type { AggregateDeclaration } from './aggregates/aggregate.ts'
import type { Column } from './aggregates/columns.ts'
import type { EntryJsonOf } from './json-types.ts'
import type { FieldLookup } from './lookup.ts'
import type { QueryDeclaration, QueryOf, RespondFunction } from './respond.ts'
import type { PartDeclaration } from './window-of.ts'

export type KeyDeclaration = Readonly<Record<string, PartDeclaration>>
export type FieldDeclarations = Readonly<Record<string, FieldDeclaration>>
export type LookupDeclarations = Readonly<Record<string, FieldLookup>>
export type AggregateDeclarations = Readonly<Record<string, AggregateDeclaration>>

export type ViewDeclaration = {
  /** Lower case words with hyphens between them: `user-information`. */
  readonly name: string
  /** The parts of the entry's key in their order, nearly always one, and their types. */
  readonly key: KeyDeclaration
  /** Left out, an entry exists while any row of its aggregates does, and has no fields. */
  readonly row?: RowDeclaration
  /** What the entry says of rows that have its key: `countOf`, `sumOf`, `topOf`, `latestOf`, … */
  readonly aggregates?: AggregateDeclarations
  /** What is read with an entry of other views of the configuration: `lookup`. */
  readonly lookups?: LookupDeclarations
  /**
   * How long entries are kept, as `60 days`: those whose key has an older time are let go. The key
   * has one part that is a time, a window or a date. Left out, they are kept for ever.
   */
  readonly keep?: string
  /**
   * Milliseconds, up to 2,000, that a partition waits after a commit, so that what comes meanwhile is
   * written together: fewer writes for an entry that changes often, and as much older answers. The
   * first change after a pause is written at once. No part of what is stored. Left out, none.
   */
  readonly lingerMs?: number
  /**
   * Path under which HTTP serves an entry, with the key as its last part: `/users/:userId`. The path
   * without that serves many, `/users?ids=1,2`. Left out, the view is not public.
   */
  readonly serve?: string
}

/** The same with the types that follow from it, and what is computed when an entry is read. */
export type RespondingDeclaration<
  Key extends KeyDeclaration,
  Fields extends FieldDeclarations,
  Aggregates extends AggregateDeclarations,
  Query extends QueryDeclaration,
  Lookups extends LookupDeclarations,
> = ViewDeclaration & {
  readonly key: Key
  readonly row?: RowDeclaration<Fields>
  readonly aggregates?: Aggregates
  readonly lookups?: Lookups
  /**
   * Makes what HTTP answers, of the entry and of entries of any other view; many at once are not
   * served then. It is called for each answer, in the process that serves, and no part of what is
   * stored: another function takes effect when the API starts with it.
   */
  readonly respond?: RespondFunction<
    EntryJsonOf<Key, Fields, Aggregates, Lookups>,
    QueryOf<Query>,
    { readonly [Part in keyof Key]: string }
  >
  /** Parameters that `respond` takes: `{ days: { type: 'integer', minimum: 1, default: 30 } }`. */
  readonly query?: Query
  /** JSON schema of what `respond` answers, for OpenAPI. */
  readonly schema?: object
}

export type RowDeclaration<Fields extends FieldDeclarations = FieldDeclarations> = {
  /** `users` of schema `public`, `sales.orders`, or with quotes `sales."v1.orders"`. */
  readonly table: string
  /** The column with the entry's key, or one for each part: the table's whole primary key. */
  readonly key: string | readonly string[]
  readonly fields: Fields
}

/** A column's name, which means text, or a column with its type. */
export type FieldDeclaration = Column

/** The row that owns an entry: the entry exists for readers while the row does. */
export function from<const Fields extends FieldDeclarations>(
  table: string,
  row: Omit<RowDeclaration<Fields>, 'table'>,
): RowDeclaration<Fields> {
  return { table, ...row }
}
