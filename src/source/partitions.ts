/**
 * Oids of a table and all its partitions. `pg_partition_tree` answers the same and waits for whoever
 * alters one of them.
 */
export function partitionsSql(table: string): string {
  return `(with recursive tree(oid) as (select ${table}
      union all select inhrelid from pg_inherits join tree on inhparent = tree.oid)
    select oid from tree)`
}
