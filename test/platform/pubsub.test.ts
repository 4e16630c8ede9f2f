import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { testPubSubContract } from './pubsub.contract.ts';

testPubSubContract('in process', createInProcessPubSub);
