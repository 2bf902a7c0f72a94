/** How a body is written down; `json` unless the compatibility date is before 2024-03-18. */
type QueueContentType = "json" | "text" | "bytes" | "v8";

/** How to send a message. */
interface QueueSendOptions {
  contentType?: QueueContentType;
  /** Seconds until it is delivered, 0 to 86400; by default the queue's own delay. */
  delaySeconds?: number;
}

/** How to send messages. */
interface QueueSendBatchOptions {
  /** For the messages that name no delay of their own. */
  delaySeconds?: number;
}

/** A message of a batch to send. */
interface MessageSendRequest<Body = unknown> {
  /** Up to 128 KB; `text` takes a string, `bytes` a view of a buffer. */
  body: Body;
  contentType?: QueueContentType;
  delaySeconds?: number;
}

/** What waits in a queue. */
interface QueueMetrics {
  backlogCount: number;
  backlogBytes: number;
  /** Absent when nothing waits. */
  oldestMessageTimestamp?: Date;
}

/** What a queue says of what was sent to it. */
interface QueueSendResponse {
  metadata: { metrics: QueueMetrics };
}

/** A queue to send messages to. */
interface Queue<Body = unknown> {
  /** Send a message; once this resolves, it is not lost. */
  send(body: Body, options?: QueueSendOptions): Promise<QueueSendResponse>;
  /** Send up to 100 messages, 256 KB together: all of them or none. */
  sendBatch(
    messages: Iterable<MessageSendRequest<Body>>,
    options?: QueueSendBatchOptions,
  ): Promise<QueueSendResponse>;
  /** What waits in the queue. */
  metrics(): Promise<QueueMetrics>;
}

/** When to deliver again. */
interface QueueRetryOptions {
  /** Seconds, 0 to 86400; by default the consumer's `retry_delay`. */
  delaySeconds?: number;
}

/** A message as it is delivered. It may come twice: its work should bear that. */
interface Message<Body = unknown> {
  /** Stays the same when it is delivered again. */
  readonly id: string;
  /** When it was sent. */
  readonly timestamp: Date;
  readonly body: Body;
  /** Which delivery this is, from 1. */
  readonly attempts: number;
  /** It is done, even if the handler fails later. */
  ack(): void;
  /** Deliver it again; after the last retry it goes to the dead letter queue. */
  retry(options?: QueueRetryOptions): void;
}

/** What a `queue` handler is given. Messages without a decision are done when it returns. */
interface MessageBatch<Body = unknown> {
  /** The name of the queue that the messages come from. */
  readonly queue: string;
  readonly messages: readonly Message<Body>[];
  /** What was left in the queue when the batch was taken. */
  readonly metadata: { readonly metrics: QueueMetrics };
  /** All messages without a decision of their own are done. */
  ackAll(): void;
  /** Deliver all messages that are not done again. */
  retryAll(options?: QueueRetryOptions): void;
}
