/** How a model is called. */
interface AiOptions {
  /** Give the HTTP response itself, for errors too. */
  returnRawResponse?: boolean;
  /** Take the work on and answer with a `request_id`, to ask with later. */
  queueRequest?: boolean;
  /** Fail instead of waiting when the model has no room. */
  rejectIfBusy?: boolean;
  /** Up to five labels for the platform's analytics. */
  tags?: string[];
  /** Of the platform's AI gateway; without effect locally. */
  gateway?: {
    id: string;
    cacheKey?: string;
    cacheTtl?: number;
    skipCache?: boolean;
    metadata?: Record<string, number | string | boolean | null>;
    collectLog?: boolean;
    eventId?: string;
    requestTimeoutMs?: number;
  };
  prefix?: string;
  extraHeaders?: Record<string, string>;
  /** Stops the wait for an answer. */
  signal?: AbortSignal;
}

/** Which models to list. */
interface AiModelsSearchParams {
  author?: string;
  hide_experimental?: boolean;
  page?: number;
  per_page?: number;
  search?: string;
  source?: number;
  task?: string;
}

/** A model that there is. */
interface AiModelsSearchObject {
  id: string;
  source: number;
  name: string;
  description: string;
  task: { id: string; name: string; description: string };
  tags: string[];
  properties: { property_id: string; value: string }[];
}

/** A file to convert. */
interface MarkdownDocument {
  name: string;
  blob: Blob;
}

/** A file as Markdown, or why it is not. */
type ConversionResponse =
  | {
    id: string;
    name: string;
    mimeType: string;
    format: "markdown" | "text";
    /** Roughly, of a language model. */
    tokens: number;
    data: string;
  }
  | { id: string; name: string; mimeType: string; format: "error"; error: string };

/** Converts files to Markdown. */
interface ToMarkdownService {
  transform(files: MarkdownDocument[], options?: object): Promise<ConversionResponse[]>;
  transform(file: MarkdownDocument, options?: object): Promise<ConversionResponse>;
  /** What can be converted. */
  supported(): Promise<{ extension: string; mimeType: string }[]>;
}

/** Models behind one call. Failures reject with an error named `AiError`, or like it. */
interface Ai {
  /** The id of the latest request. */
  lastRequestId: string | null;
  lastRequestHttpStatusCode: number | null;
  lastRequestInternalStatusCode: number | null;
  aiGatewayLogId: string | null;

  /** Run a model and have its HTTP response. */
  run(
    model: string,
    inputs: object,
    options: AiOptions & { returnRawResponse: true },
  ): Promise<Response>;
  /** Chat, or complete a text, with the bytes of server-sent events. */
  run(
    model: AiTextGenerationModel | AiChatCompletionModel,
    inputs: AiTextGenerationInput & { stream: true },
    options?: AiOptions,
  ): Promise<ReadableStream<Uint8Array>>;
  /** Chat, or complete a text. */
  run(
    model: AiTextGenerationModel,
    inputs: AiTextGenerationInput & { stream?: false },
    options?: AiOptions,
  ): Promise<AiTextGenerationOutput>;
  /** Chat with a model that answers in OpenAI's shape. */
  run(
    model: AiChatCompletionModel,
    inputs: AiTextGenerationInput & { stream?: false },
    options?: AiOptions,
  ): Promise<AiChatCompletion>;
  /** Make vectors of texts. */
  run(
    model: AiTextEmbeddingsModel,
    inputs: AiTextEmbeddingsInput,
    options?: AiOptions,
  ): Promise<AiTextEmbeddingsOutput>;
  /** Make vectors of texts, or compare a query with contexts. */
  run(
    model: "@cf/baai/bge-m3",
    inputs: { text: string | string[]; truncate_inputs?: boolean },
    options?: AiOptions,
  ): Promise<AiTextEmbeddingsOutput>;
  run(
    model: "@cf/baai/bge-m3",
    inputs: { query: string; contexts: { text: string }[]; truncate_inputs?: boolean },
    options?: AiOptions,
  ): Promise<{ response: { id: number; score: number }[] }>;
  run(
    model: "@cf/baai/bge-m3",
    inputs: { query?: never; contexts: { text: string }[]; truncate_inputs?: boolean },
    options?: AiOptions,
  ): Promise<{ response: number[][]; shape: number[]; pooling?: string }>;
  run(
    model: "@cf/qwen/qwen3-embedding-0.6b",
    inputs: {
      queries?: string | string[];
      documents?: string | string[];
      text?: string | string[];
      instruction?: string;
    },
    options?: AiOptions,
  ): Promise<AiTextEmbeddingsOutput>;
  /** Order contexts by how well they fit a query; `id` is their place in the list. */
  run(
    model: "@cf/baai/bge-reranker-base",
    inputs: { query: string; contexts: { text: string }[]; top_k?: number },
    options?: AiOptions,
  ): Promise<{ response: { id: number; score: number }[] }>;
  /** Tell a text's sentiment: a score for POSITIVE and one for NEGATIVE. */
  run(
    model: "@cf/huggingface/distilbert-sst-2-int8",
    inputs: { text: string },
    options?: AiOptions,
  ): Promise<AiLabel[]>;
  /** Sum a text up. */
  run(
    model: "@cf/facebook/bart-large-cnn",
    inputs: { input_text: string; max_length?: number },
    options?: AiOptions,
  ): Promise<{ summary: string }>;
  /** Translate a text. */
  run(
    model: "@cf/meta/m2m100-1.2b",
    inputs: { text: string; source_lang?: string; target_lang: string },
    options?: AiOptions,
  ): Promise<{ translated_text: string }>;
  /** Tell what is in a picture. */
  run(
    model: "@cf/microsoft/resnet-50",
    inputs: AiImageInput,
    options?: AiOptions,
  ): Promise<AiLabel[]>;
  /** Tell what is where in a picture. */
  run(
    model: "@cf/facebook/detr-resnet-50",
    inputs: AiImageInput,
    options?: AiOptions,
  ): Promise<
    (AiLabel & { box: { xmin: number; ymin: number; xmax: number; ymax: number } })[]
  >;
  /** Describe a picture. */
  run(
    model: "@cf/llava-hf/llava-1.5-7b-hf" | "@cf/unum/uform-gen2-qwen-500m",
    inputs: AiImageInput & { prompt?: string; max_tokens?: number; temperature?: number },
    options?: AiOptions,
  ): Promise<{ description: string }>;
  /** Draw a picture: its bytes. */
  run(
    model: AiImageStreamModel,
    inputs: AiTextToImageInput,
    options?: AiOptions,
  ): Promise<ReadableStream<Uint8Array>>;
  /** Draw a picture: JPEG in base64. */
  run(
    model: "@cf/black-forest-labs/flux-1-schnell",
    inputs: { prompt: string; steps?: number },
    options?: AiOptions,
  ): Promise<{ image: string }>;
  run(
    model: "@cf/leonardo/lucid-origin",
    inputs: AiTextToImageInput,
    options?: AiOptions,
  ): Promise<{ image: string }>;
  /** Say a text: MP3 in base64. */
  run(
    model: "@cf/myshell-ai/melotts",
    inputs: { prompt: string; lang?: string },
    options?: AiOptions,
  ): Promise<{ audio: string }>;
  /** Say a text: the bytes of the sound. */
  run(
    model: "@cf/deepgram/aura-1",
    inputs: { text: string; speaker?: string; encoding?: string; container?: string },
    options?: AiOptions,
  ): Promise<ReadableStream<Uint8Array>>;
  /** Write down what is said. */
  run(
    model: "@cf/openai/whisper" | "@cf/openai/whisper-tiny-en",
    inputs: { audio: number[] },
    options?: AiOptions,
  ): Promise<{ text: string; word_count: number; words: AiSpokenWord[]; vtt: string }>;
  run(
    model: "@cf/openai/whisper-large-v3-turbo",
    inputs: {
      /** In base64. */
      audio: string;
      task?: "transcribe" | "translate";
      language?: string;
      vad_filter?: boolean;
      initial_prompt?: string;
      prefix?: string;
    },
    options?: AiOptions,
  ): Promise<{
    transcription_info: {
      language: string;
      language_probability: number;
      duration: number;
      duration_after_vad: number;
    };
    text: string;
    word_count: number;
    segments: Record<string, unknown>[];
    vtt: string;
  }>;
  run(
    model: "@cf/deepgram/nova-3",
    inputs: { audio: { body: ReadableStream | Blob; contentType: string } },
    options?: AiOptions,
  ): Promise<{
    results: {
      channels: {
        alternatives: {
          transcript: string;
          confidence: number;
          words: Record<string, unknown>[];
        }[];
      }[];
    };
  }>;
  /** Any other model, or other inputs: say what it answers. */
  run<Output = unknown>(model: string, inputs: object, options?: AiOptions): Promise<Output>;

  /** The models that there are. */
  models(params?: AiModelsSearchParams): Promise<AiModelsSearchObject[]>;
  /** Convert files to Markdown; a file that cannot be has `format: "error"`. */
  toMarkdown(): ToMarkdownService;
  toMarkdown(files: MarkdownDocument[], options?: object): Promise<ConversionResponse[]>;
  toMarkdown(file: MarkdownDocument, options?: object): Promise<ConversionResponse>;
}
