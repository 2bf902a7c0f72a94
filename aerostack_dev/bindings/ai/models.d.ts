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
