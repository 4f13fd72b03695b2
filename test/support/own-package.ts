/** Before any test: `millrace` is what stands in `src`, also for examples that tests import. */
import { resolveOwnPackage } from '../../src/project/own-package.ts'

resolveOwnPackage()
