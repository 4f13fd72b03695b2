/** What values are in JSON, as TypeScript's types. */
import type { ColumnType } from '../types/types.ts'

export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** A value of this type that is not null. */
export type JsonOf<Type extends ColumnType> = Type extends `${infer Element extends ColumnType}[]`
  ? readonly (JsonOf<Element> | null)[]
  : Type extends 'integer' | 'smallint'
    ? number
    : Type extends 'real' | 'double'
      ? number | 'NaN' | 'Infinity' | '-Infinity'
      : Type extends 'boolean'
        ? boolean
        : Type extends 'json' | 'jsonb'
          ? Json
          : string

/** What `toJson` answers for such a declaration. */
export type EntryJsonOf<Key, Fields, Aggregates> = Flat<
  {
    readonly [Part in keyof Key]: Key[Part] extends ColumnType ? JsonOf<Key[Part]> : Json
  } & {
    readonly [Field in keyof Fields]:
      | (Fields[Field] extends { readonly type: infer Type extends ColumnType }
          ? JsonOf<Type>
          : string)
      | null
  } & { readonly [Aggregate in keyof Aggregates]: Json }
>

/** One object type, as people like to read it. */
type Flat<Type> = { readonly [Name in keyof Type]: Type[Name] }
