/**
 * Owns which thread does which step next: a bounded number of threads, started on need and ended when idle; who is urgent goes
 * first, and among equals whoever took the least time so far. It knows nothing of packages.
 */
import { type CheckThread, type StepOptions, type StepOutcome, startCheckThread } from './check-thread.ts';

/** One step that may begin now. */
export interface Step extends StepOptions {
  readonly onEnd: (outcome: StepOutcome) => void;
}

/** Someone who needs steps done, one after the other or several at once. */
export interface Customer {
  /** Steps of the same customer find what earlier ones left in the thread. */
  readonly key: number;
  readonly urgent: boolean;
  /** Takes the next step; null while there is none that may begin now. */
  next(): Step | null;
}

export interface ThreadPool {
  add(customer: Customer): void;
  /** Has no more steps of this customer done, and ends the threads that do one now. */
  remove(customer: Customer): void;
  /** Looks for work; call when a customer may have a step again. */
  wake(): void;
  /** Ends all threads. Steps under way end as lost, and the pool goes on. */
  endAll(): Promise<void>;
  /** Threads that live now. */
  readonly size: number;
}

export interface ThreadPoolOptions {
  /** Threads for anyone. One more is started where someone urgent would have to wait for one. */
  readonly maxThreads: number;
  /** An unused thread ends after this, so that an idle server stays small. */
  readonly idleMs: number;
  readonly registry: string | null;
}

interface Seat {
  readonly thread: CheckThread;
  /** Whose step it does, or did last. */
  customer: Customer | null;
  busy: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

export function createThreadPool({ maxThreads, idleMs, registry }: ThreadPoolOptions): ThreadPool {
  const seats = new Set<Seat>();
  /** The customers, with the milliseconds of threads that each had; who comes later begins where the least served one is. */
  const served = new Map<Customer, number>();

  function leave(seat: Seat): void {
    clearTimeout(seat.idleTimer);
    seats.delete(seat);
  }

  function takeSeat(): Seat {
    const seat: Seat = { thread: startCheckThread({ registry }), customer: null, busy: false, idleTimer: undefined };
    seats.add(seat);
    void seat.thread.gone.then(() => {
      leave(seat);
      wake();
    });
    return seat;
  }

  /** Whether a thread may work for the customer now: one that is free, or one more. */
  function hasSeat({ urgent }: Customer): boolean {
    const busy = [...seats].filter((seat) => seat.busy).length;
    return busy < (urgent ? maxThreads + 1 : maxThreads);
  }

  /** The seat where the customer's package is open already, any free one, or a new one. */
  function seatFor(customer: Customer): Seat {
    const free = [...seats].filter((seat) => !seat.busy);
    return free.find((seat) => seat.customer === customer) ?? free[0] ?? takeSeat();
  }

  async function serve(seat: Seat, customer: Customer, step: Step): Promise<void> {
    clearTimeout(seat.idleTimer);
    seat.busy = true;
    seat.customer = customer;
    const outcome = await seat.thread.run(step);
    const had = served.get(customer);
    if (had !== undefined) served.set(customer, had + outcome.durationMs);
    seat.busy = false;
    if (outcome.type === 'lost') leave(seat);
    else rest(seat);
    step.onEnd(outcome);
    wake();
  }

  function rest(seat: Seat): void {
    seat.idleTimer = setTimeout(() => {
      leave(seat);
      void seat.thread.end();
    }, idleMs);
    seat.idleTimer.unref();
  }

  /** Begins one step; false when nothing can begin. */
  function begin(): boolean {
    const line = [...served].sort(([a, hadA], [b, hadB]) => Number(b.urgent) - Number(a.urgent) || hadA - hadB);
    for (const [customer] of line) {
      const step = hasSeat(customer) ? customer.next() : null;
      if (step === null) continue;
      void serve(seatFor(customer), customer, step);
      return true;
    }
    return false;
  }

  function wake(): void {
    while (begin());
  }

  async function end(given: readonly Seat[]): Promise<void> {
    for (const seat of given) leave(seat);
    await Promise.all(given.map((seat) => seat.thread.end()));
  }

  return {
    get size() {
      return seats.size;
    },
    wake,
    add(customer) {
      served.set(customer, served.size === 0 ? 0 : Math.min(...served.values()));
      wake();
    },
    remove(customer) {
      served.delete(customer);
      const mine = [...seats].filter((seat) => seat.customer === customer);
      void end(mine.filter((seat) => seat.busy)).then(wake);
      for (const seat of mine) {
        if (!seat.busy) seat.thread.tell({ type: 'forget', key: customer.key });
        seat.customer = null;
      }
    },
    endAll: () => end([...seats]),
  };
}
