/**
 * What a type of columns is to Millrace. Values pass as canonical text: the same text for equal
 * values, whether SQL gave them, the connector wrote them, or a store kept them. Each type is an
 * object of this form in a file of its own family; `types.ts` lists them all.
 */

/** A value as changes hold it: integers as bigint, all else as canonical text. */
export type TypedValue = bigint | string

export type ValueType = {
  /** As declarations and stores name it: `bigint`, `text[]`. */
  readonly name: string
  /** How a declaration takes a column of it, for messages: `numeric('price')`. */
  declare(column: string): string
  /** Types of Postgres that it takes, for messages: `smallint, integer or bigint`. */
  readonly takes: string
  /** Why a column of the source does not fit; undefined where it does. */
  refusal(found: PostgresType): Refusal | undefined
  /** Conditions that the source has to hold to, for not every value of the type comes through. */
  readonly conditions: readonly Condition[]
  /** Settings that the connector must have. */
  readonly connector: readonly ConnectorNeed[]
  /** SQL for the canonical text of a column of the source; null where the column is null. */
  sql(column: string): string
  /** Makes values of what the connector wrote; undefined where it writes no such columns so. */
  reader(column: AvroColumn): Reader | undefined
  readonly json: JsonForm
  readonly stored: StoredForm
  /** Undefined, with the reason in `noKey`, where entries can't be keyed by it. */
  readonly key: KeyForm | undefined
  /** Undefined where values can't be compared with a constant. */
  readonly constant: ConstantForm | undefined
  /** Undefined where SQL's order of the values can't be kept in texts. */
  readonly order: OrderForm | undefined
  readonly noKey: string
  /** Why there are no arrays of it; undefined where there are. */
  readonly noArray: string | undefined
  /** Conditions that arrays of it have to hold to. */
  readonly arrayConditions: readonly Condition[]
}

/** A column's type as the catalog has it, beneath all domains. */
export type PostgresType = {
  /** Without modifiers, as `format_type` writes it: `numeric`. */
  readonly name: string
  /** With them: `numeric(10,2)`. */
  readonly full: string
  /** As in `pg_type.typtype`: `b` base type, `e` enum, `c` composite type, `r` range … */
  readonly kind: string
  /** Of an array, the type of its elements. */
  readonly element: { readonly name: string; readonly kind: string } | null
}

/** `instead` says what to do about it. */
export type Refusal = { readonly why: string; readonly instead: string }

/** A check constraint: `sql` as people write it, where `COLUMN` stands for the column. */
export type Condition = {
  readonly why: string
  readonly sql: string
  /** The same as Postgres writes it back, without the parentheses around it. */
  readonly written: RegExp
}

export type ConnectorNeed = {
  readonly setting: string
  readonly allowed: readonly string[]
  /** What Debezium takes where the setting is missing. */
  readonly missing: string
  readonly why: string
}

/** What is known of a column's type in Avro. */
export type AvroColumn = {
  /** `long`, `string`, … or undefined where the type is not a plain one. */
  readonly avro: string | undefined
  /** The type's name in Connect, where it means more than its Avro type. */
  readonly connectName: string | undefined
  /** Of an array. */
  readonly items?: AvroColumn | undefined
}

/** A value that is not null, as avsc reads it; undefined where it is none of the type's. */
export type Reader = (value: unknown) => TypedValue | undefined

export type JsonValue = unknown

export type JsonForm = {
  /** JSON schema of a value that is not null. */
  readonly schema: { readonly type?: string | readonly string[] } & Readonly<
    Record<string, unknown>
  >
  value(text: string): JsonValue
  /** Reads what `text` wrote, where `JSON.parse` would lose digits. */
  readonly parse?: (text: string) => JsonValue
  /** The same as JSON text, as it stands in an array. */
  text(text: string): string
  /** SQL for that, of SQL for the canonical text. */
  sql(text: string): string
}

/** A column of the Postgres store. */
export type StoredForm = {
  /** As `format_type` says it. */
  readonly type: string
  /** SQL for the canonical text. */
  sql(column: string): string
  /** Text that Postgres reads as a value of `type`. */
  value(text: string): string
}

export type KeyForm = {
  /** What such a text is, for people who gave another: `text without NUL`. */
  readonly words: string
  /** Whether a key or a part of one can have this very text. */
  isCanonical(text: string): boolean
  /** Ascending, in the order of `order`. */
  compare(a: string, b: string): number
  /** SQL that orders keys; its text is that of `sql`. */
  order(column: string): string
  /** Whether an index can have this order; parts of which none can come last. */
  readonly isIndexed: boolean
  /** SQL that is true where the column has this value of type `stored.type`. */
  equals(column: string, value: string): string
  /** What no key comes after, as text of `stored.type`; undefined where there is no such value. */
  readonly last: string | undefined
}

/** Texts of one width whose order of bytes is SQL's order of the values. */
export type OrderForm = {
  /**
   * Of the canonical text; undefined where it is none of the values, or has more digits behind the
   * point than `scale`, which only numbers have.
   */
  spell(text: string, scale: number): string | undefined
  /** The canonical text again, of a number with so many digits behind the point. */
  read(spelled: string, scale: number): string
}

/** How values are compared with a constant that a declaration names, as SQL compares them. */
export type ConstantForm = {
  /** What such a constant is, for people who gave another. */
  readonly words: string
  isValue(text: string): boolean
  /** Ascending, 0 where SQL calls both equal; any order where `isOrdered` is false. */
  compare(a: string, b: string): number
  /** Whether `<` means the same here as in SQL, whatever the collation. */
  readonly isOrdered: boolean
}
