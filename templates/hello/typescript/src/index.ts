/** Greets whoever asks: GET /?name=Ada. */

export default {
  fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const name = searchParams.get("name") || "world";
    return new Response(`${env.GREETING}, ${name}!\n`);
  },
} satisfies ExportedHandler<Env>;
