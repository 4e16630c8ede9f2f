/** Owns the GraphQL enum of review reasons. */
import { builder } from '../graphql/builder.ts';
import type { ReviewReason } from './policy.ts';

export const ReviewReasonEnum = builder.enumType('ReviewReason', {
  description: 'Why a person looks at a version.',
  values: {
    FIRST_APP: { description: 'The developer has no published app yet.' },
    DANGEROUS_PERMISSION: { description: 'It asks for a dangerous permission.' },
    NEW_PERMISSION: { description: 'It asks for a permission the last approved version did not have.' },
    CHECK_WARNING: { description: 'A check gave a warning.' },
    CHECK_CRASHED: { description: 'A check did not finish.' },
    USER_REPORTS: { description: 'Users reported the app.' },
    APPEAL: { description: 'Its developer appealed a rejection.' },
    SAMPLE: { description: 'Drawn by chance from automatic approvals.' },
    RESCAN: { description: 'Newer checks found something in it.' },
  } satisfies Record<ReviewReason, object>,
});
