import { generate } from '../generator.ts'
import { shop } from './application.ts'

await generate(shop)
