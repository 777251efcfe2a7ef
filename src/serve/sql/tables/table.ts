import type { Column } from '../../../mysql/index.ts'
import type { RowScope, Scope } from '../scope.ts'
import type { Value } from '../value.ts'

/** A table that is made when it is asked for. */
export interface Table {
  readonly columns: readonly Column[]
  /** a value for each column */
  rows(scope: Scope): readonly (readonly Value[])[]
}

/** No table, as DUAL: one row of nothing. */
export const NO_TABLE: Table = { columns: [], rows: () => [[]] }

/** Looks a column of the row up, without regard to case. */
export function rowScope({ columns }: Table, row: readonly Value[]): RowScope {
  const values = new Map(columns.map(({ name }, index) => [name.toLowerCase(), row[index]]))
  return (column) => values.get(column)
}
