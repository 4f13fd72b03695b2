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

/** Of a column's name, which means text, a column, or a type by its name. */
export type ColumnJson<Column> = Column extends ColumnType
  ? JsonOf<Column>
  : Column extends { readonly type: infer Type extends ColumnType }
    ? JsonOf<Type>
    : string

/** Of an item of one column, or of several by their names. */
export type ItemJson<Item> = Item extends
  string | { readonly column: string; readonly type: string }
  ? { readonly item: NamedJson<Item> }
  : { readonly [Name in keyof Item]: NamedJson<Item[Name]> }

/** A text names a column here, and no type. */
type NamedJson<Column> = Column extends string ? string : ColumnJson<Column>

/** Of columns of a row, by the names that readers see. */
export type RowJson<Fields> = { readonly [Name in keyof Fields]: NamedJson<Fields[Name]> | null }

/** Of fields of another view by their types. */
export type LookedJson<Fields> = {
  readonly [Name in keyof Fields]: ColumnJson<Fields[Name]> | null
}

/** What `toJson` answers for such a declaration. */
export type EntryJsonOf<Key, Fields, Aggregates, Lookups> = Flat<
  { readonly [Part in keyof Key]: ColumnJson<Key[Part]> } & RowJson<Fields> & {
      readonly [Name in keyof Aggregates]: Aggregates[Name] extends {
        readonly [seen]?: infer Seen
      }
        ? Exclude<Seen, undefined>
        : Json
    } & {
      readonly [Name in keyof Lookups]: Lookups[Name] extends { readonly fields: infer Looked }
        ? LookedJson<Looked> | null
        : Json
    }
>

/** Under which the declaration of an aggregate has the type of what readers see, and no value. */
export declare const seen: unique symbol

/** One object type, as people like to read it. */
export type Flat<Type> = { readonly [Name in keyof Type]: Type[Name] }
