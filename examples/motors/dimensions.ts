/** Columns as `text` and `smallint` of Millrace name them: the generator runs without the package. */
const text = (column: string) => ({ column, type: 'text' }) as const
const smallint = (column: string) => ({ column, type: 'smallint' }) as const

/** What is noted of a car, or asked for: by the name that readers see, the column. */
export const dimensions = {
  make: text('make'),
  model: text('model'),
  body: text('body'),
  fuel: text('fuel'),
  gearbox: text('gearbox'),
  drive: text('drive'),
  colour: text('colour'),
  interior: text('interior'),
  priceBand: text('price_band'),
  mileageBand: text('mileage_band'),
  ageBand: text('age_band'),
  powerBand: text('power_band'),
  doors: smallint('doors'),
  seats: smallint('seats'),
  owners: smallint('owners'),
  region: text('region'),
  seller: text('seller'),
  condition: text('condition'),
  emissionClass: text('emission_class'),
  equipment: text('equipment'),
} as const

export type Dimension = keyof typeof dimensions
