/** Owns the order in which test files start, so that no long one is left alone at the end. No test may depend on it. */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of 20 s and more, longest first; the rest follows in the runner's own order, larger files first. */
const LONG = [
  'test/validation/hundred-kills.test.ts',
  'test/e2e/fleet.test.ts',
  'test/cli/server.test.ts',
  'test/e2e/kill.test.ts',
  'test/device/killed.test.ts',
  'test/device/commands.test.ts',
  'test/e2e/main-job.test.ts',
  'test/web/review-workspace.test.ts',
  'test/web/admin-settings.test.ts',
  'test/cli/offline.test.ts',
  'test/ops/mosis-admin.test.ts',
  'test/rollouts/ramp.test.ts',
  'test/rollouts/cli.test.ts',
  'test/validation/check-pool.test.ts',
  'test/validation/hostile-versions.test.ts',
  'test/distribution/metadata-root-killed.test.ts',
  'test/web/settings-pages.test.ts',
  'test/rollouts/guard.test.ts',
];

/** The runner's order with the long files in front. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = LONG.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'));
      return index < 0 ? LONG.length : index;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
