/** Models that chat and complete, in the platform's own shapes. */
type AiTextGenerationModel =
  | "@cf/meta/llama-3.1-8b-instruct-fp8"
  | "@cf/meta/llama-3.1-8b-instruct-awq"
  | "@cf/meta/llama-3.1-8b-instruct-fast"
  | "@cf/meta/llama-3.2-1b-instruct"
  | "@cf/meta/llama-3.2-3b-instruct"
  | "@cf/meta/llama-3.2-11b-vision-instruct"
  | "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
  | "@cf/meta/llama-4-scout-17b-16e-instruct"
  | "@cf/meta/llama-guard-3-8b"
  | "@cf/meta-llama/llama-2-7b-chat-hf-lora"
  | "@cf/mistral/mistral-7b-instruct-v0.2-lora"
  | "@cf/mistralai/mistral-small-3.1-24b-instruct"
  | "@cf/google/gemma-2b-it-lora"
  | "@cf/google/gemma-7b-it-lora"
  | "@cf/qwen/qwen2.5-coder-32b-instruct"
  | "@cf/qwen/qwq-32b"
  | "@cf/qwen/qwen3-30b-a3b-fp8"
  | "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b"
  | "@cf/ibm-granite/granite-4.0-h-micro"
  | "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
  // On their way out; the platform keeps answering for a while.
  | "@cf/meta/llama-3.1-8b-instruct"
  | "@cf/meta/llama-3-8b-instruct"
  | "@cf/meta/llama-3-8b-instruct-awq"
  | "@hf/meta-llama/meta-llama-3-8b-instruct"
  | "@cf/meta/llama-3.1-70b-instruct"
  | "@cf/meta/llama-2-7b-chat-fp16"
  | "@cf/meta/llama-2-7b-chat-int8"
  | "@cf/mistral/mistral-7b-instruct-v0.1"
  | "@hf/mistral/mistral-7b-instruct-v0.2"
  | "@hf/google/gemma-7b-it"
  | "@cf/google/gemma-3-12b-it"
  | "@hf/nousresearch/hermes-2-pro-mistral-7b"
  | "@cf/microsoft/phi-2"
  | "@cf/defog/sqlcoder-7b-2";

/** Models that answer in OpenAI's shapes. */
type AiChatCompletionModel =
  | "@cf/openai/gpt-oss-20b"
  | "@cf/openai/gpt-oss-120b"
  | "@cf/zai-org/glm-4.7-flash"
  | "@cf/moonshotai/kimi-k2.5"
  | "@cf/google/gemma-4-26b-a4b-it";

/** Models that make vectors of texts. */
type AiTextEmbeddingsModel =
  | "@cf/baai/bge-small-en-v1.5"
  | "@cf/baai/bge-base-en-v1.5"
  | "@cf/baai/bge-large-en-v1.5"
  | "@cf/google/embeddinggemma-300m";

/** Models that make bytes of a picture: PNG, or JPEG for phoenix. */
type AiImageStreamModel =
  | "@cf/stabilityai/stable-diffusion-xl-base-1.0"
  | "@cf/bytedance/stable-diffusion-xl-lightning"
  | "@cf/lykon/dreamshaper-8-lcm"
  | "@cf/runwayml/stable-diffusion-v1-5-img2img"
  | "@cf/runwayml/stable-diffusion-v1-5-inpainting"
  | "@cf/leonardo/phoenix-1.0";

/** A turn of a conversation. */
interface AiMessage {
  role: "system" | "user" | "assistant" | "tool" | (string & Record<never, never>);
  /** A text; newer models also take parts, as OpenAI's do. */
  content: string | Record<string, unknown>[];
  /** Of the tool that a `tool` message answers for. */
  name?: string;
}

/** What a model may ask to be called. */
interface AiTool {
  name: string;
  description: string;
  /** A JSON schema. */
  parameters: Record<string, unknown>;
}

/** A text in JSON: any object, or one of a schema. Not together with `stream`. */
type AiResponseFormat =
  | { type: "text" }
  | { type: "json_object" }
  | { type: "json_schema"; json_schema: Record<string, unknown> };

/** How a text is generated. */
interface AiGeneration {
  /** Answer with the bytes of server-sent events, while the text is written. */
  stream?: boolean;
  /** Tokens of the answer at most, 256 by default. */
  max_tokens?: number;
  /** How freely words are chosen, 0 to 5; 0.6 by default. */
  temperature?: number;
  top_p?: number;
  /** 1 to 50. */
  top_k?: number;
  seed?: number;
  repetition_penalty?: number;
  frequency_penalty?: number;
  presence_penalty?: number;
  /** The name of a finetune. */
  lora?: string;
  /** Take the prompt as it is, without the model's own frame. */
  raw?: boolean;
  tools?: (AiTool | { type: "function"; function: AiTool })[];
  response_format?: AiResponseFormat;
}

/** A conversation or a text to go on with. */
type AiTextGenerationInput =
  & AiGeneration
  & ({ messages: AiMessage[]; prompt?: never } | { prompt: string; messages?: never });

/** Tokens that were read and written. */
interface AiUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** What a model wrote. */
interface AiTextGenerationOutput {
  /** In JSON mode this is the parsed object: cast it. */
  response: string;
  /** What the model wants called; the arguments are parsed. */
  tool_calls?: { name: string; arguments: Record<string, unknown> }[];
  usage: AiUsage;
}

/** What a model wrote, in OpenAI's shape. */
interface AiChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: {
    index: number;
    message: {
      role: string;
      content: string | null;
      reasoning_content?: string;
      tool_calls?: {
        id: string;
        type: "function";
        function: { name: string; arguments: string };
      }[];
    };
    finish_reason: string;
  }[];
  usage: AiUsage;
}

/** Texts to make vectors of, 100 at most. */
interface AiTextEmbeddingsInput {
  text: string | string[];
  pooling?: "mean" | "cls";
}

/** A vector for each text, for one text too. */
interface AiTextEmbeddingsOutput {
  /** How many vectors, and how many numbers each. */
  shape: number[];
  data: number[][];
  pooling?: string;
}

/** A label and how sure the model is of it, 0 to 1. */
interface AiLabel {
  label: string;
  score: number;
}

/** A picture as bytes, each a number. */
interface AiImageInput {
  image: number[];
}

/** A picture to draw. */
interface AiTextToImageInput {
  prompt: string;
  negative_prompt?: string;
  width?: number;
  height?: number;
  num_steps?: number;
  guidance?: number;
  strength?: number;
  seed?: number;
  image?: number[];
  image_b64?: string;
  mask?: number[];
}

/** A word of a transcript; times in seconds. */
interface AiSpokenWord {
  word: string;
  start: number;
  end: number;
}

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
