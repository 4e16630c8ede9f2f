// What a reviewer has written and not yet sent about one review, kept in the tab's own storage so that a reload loses nothing.

type Stored = { message: string; policyRefs: string[]; comments: Record<string, string> };

const PREFIX = 'mosis-review-draft:';
const EMPTY: Stored = { message: '', policyRefs: [], comments: {} };

export class ReviewDraft {
  readonly #key: string;
  #message = $state('');
  #policyRefs = $state.raw<readonly string[]>([]);
  #comments = $state.raw<Readonly<Record<string, string>>>({});

  constructor(reviewId: string) {
    this.#key = PREFIX + reviewId;
    const stored = read(this.#key);
    this.#message = stored.message;
    this.#policyRefs = stored.policyRefs;
    this.#comments = stored.comments;
  }

  /** What the developer is told. */
  get message(): string {
    return this.#message;
  }
  set message(value: string) {
    this.#message = value;
    this.#save();
  }

  /** Codes of policy rules, in the order chosen. */
  get policyRefs(): readonly string[] {
    return this.#policyRefs;
  }
  set policyRefs(value: readonly string[]) {
    this.#policyRefs = value;
    this.#save();
  }

  /** Words on single findings, by the finding's id. */
  get comments(): Readonly<Record<string, string>> {
    return this.#comments;
  }

  /** Keeps words on a finding; null or blank ones drop what was there. */
  comment(findingId: string, body: string | null): void {
    const others = Object.entries(this.#comments).filter(([known]) => known !== findingId);
    const words = body?.trim() ?? '';
    this.#comments = Object.fromEntries([...others, ...(words === '' ? [] : [[findingId, words] as const])]);
    this.#save();
  }

  /** It was sent. */
  clear(): void {
    this.#message = '';
    this.#policyRefs = [];
    this.#comments = {};
    this.#save();
  }

  #save(): void {
    const stored = { message: this.#message, policyRefs: this.#policyRefs, comments: this.#comments };
    const empty = stored.message === '' && stored.policyRefs.length === 0 && Object.keys(stored.comments).length === 0;
    try {
      if (empty) sessionStorage.removeItem(this.#key);
      else sessionStorage.setItem(this.#key, JSON.stringify(stored));
    } catch {
      // A full or forbidden storage only costs the words their safety against a reload.
    }
  }
}

function read(key: string): Stored {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
    if (typeof value !== 'object' || value === null) return EMPTY;
    const { message, policyRefs, comments } = { ...EMPTY, ...value };
    return {
      message: typeof message === 'string' ? message : '',
      policyRefs: Array.isArray(policyRefs) ? policyRefs.filter((each) => typeof each === 'string') : [],
      comments: Object.fromEntries(
        Object.entries(comments ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
    };
  } catch {
    return EMPTY;
  }
}
