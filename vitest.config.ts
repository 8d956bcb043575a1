import { defineConfig } from 'vitest/config';

// What loads both cores by itself, or judges by the clock: one file after the other, when the rest is done.
const alone = ['crash-runs', 'simulation', 'e2e-fairness', 'http-fuzz'].map(
  (name) => `packages/posthorn/test/${name}.test.ts`,
);

export default defineConfig({
  resolve: { conditions: ['posthorn-source'] },
  ssr: { resolve: { conditions: ['posthorn-source'] } },
  test: {
    globalSetup: ['packages/posthorn/test/setup/postgres.ts'],
    setupFiles: ['packages/posthorn/test/setup/properties.ts'],
    pool: 'forks',
    // Far from what any test takes on an idle machine, and longer than any one wait within it.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['packages/*/{src,test}/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
