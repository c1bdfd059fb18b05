using System.IO.Compression;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Resilience;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Http;

/// <summary>
/// What real services answer, through a real server: every reply that was paid for is understood and journaled, every refusal keeps its
/// status, code and words. The bodies follow the services' documentation and what their users reported; names are shortened.
/// </summary>
public sealed class ServiceShapesTests : IDisposable
{
    private const string Text = "Response 0: [9]\\nResponse 1: [3]\\nrank: [0, 1, 2]";
    private const string Plain = "Response 0: [9]\nResponse 1: [3]\nrank: [0, 1, 2]";

    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-shapes").FullName;

    /// <summary>Name; body; finish reason; prompt and completion tokens (0 and 0: not reported).</summary>
    public static TheoryData<string, string, string?, int, int> Replies => new()
    {
        // OpenAI
        { "OpenAI",
            """{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":"""
                + $$$"""0,"message":{"role":"assistant","content":"{{{Text}}}","refusal":null,"annotations":[]},"logprobs":"""
                + """null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":"""
                + """15,"prompt_tokens_details":{"cached_tokens":0}},"service_tier":"default"}""", "stop", 10, 5 },
        { "OpenAI, cut off",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"length"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "length", 10, 5 },
        { "OpenAI Responses",
            """{"object":"response","status":"completed","error":null,"output":[{"type":"reasoning","summary":["""
                + $$$"""]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"{{{Text}}}","annotations":[]}]}"""
                + """],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}""", "stop", 10, 5 },
        // Azure
        { "Azure",
            """{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"finish_reason":"stop","index":"""
                + $$$"""0,"message":{"content":"{{{Text}}}","role":"assistant"}}],"prompt_filter_results":[{"prompt_index":"""
                + """0,"content_filter_results":{}}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "Azure, filter failed",
            """{"choices":[{"content_filter_results":{"error":{"code":"content_filter_error","message":"The contents are not """
                + $$$"""filtered"}},"finish_reason":"stop","message":{"content":"{{{Text}}}"}}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        // vLLM
        { "vLLM",
            """{"id":"cmpl-1","object":"chat.completion","model":"m","choices":[{"index":"""
                + $$$"""0,"message":{"role":"assistant","reasoning_content":null,"content":"{{{Text}}}","tool_calls":[]},"logprobs":"""
                + """null,"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":10,"total_tokens":"""
                + """15,"completion_tokens":5},"prompt_logprobs":null,"kv_transfer_params":null}""", "stop", 10, 5 },
        { "vLLM, stopped at a token",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop","stop_reason":128009}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "vLLM, reasoning",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}","reasoning":"Perhaps rank: [1, 0, 2].","reasoning_content":"Perhaps """
                + """rank: [1, 0, 2]."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "vLLM, aborted",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"abort"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "abort", 10, 5 },
        // Ollama
        { "Ollama",
            """{"id":"chatcmpl-849","object":"chat.completion","model":"llama3.3:70b","system_fingerprint":"fp_ollama","choices":"""
                + $$$"""[{"index":0,"message":{"role":"assistant","content":"{{{Text}}}"},"finish_reason":"stop"}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}""", "stop", 10, 5 },
        { "Ollama, finish null",
            $$$"""{"choices":[{"index":0,"message":{"role":"assistant","content":"{{{Text}}}"},"finish_reason":null}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", null, 10, 5 },
        { "Ollama's own",
            $$$"""{"model":"llama3","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"{{{Text}}}"}"""
                + ""","done_reason":"stop","done":true,"prompt_eval_count":10,"eval_count":5}""", "stop", 10, 5 },
        { "Ollama's generate",
            $$$"""{"model":"llama3","response":"{{{Text}}}","done":true,"done_reason":"length","context":[1"""
                + """],"prompt_eval_count":10,"eval_count":5}""", "length", 10, 5 },
        // OpenRouter
        { "OpenRouter",
            """{"id":"gen-1","provider":"Novita","model":"m","object":"chat.completion","choices":[{"logprobs":"""
                + """null,"finish_reason":"stop","native_finish_reason":"end_turn","index":"""
                + $$$"""0,"message":{"role":"assistant","content":"{{{Text}}}","refusal":"","reasoning":null}}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "OpenRouter, keep-alive",
            "\n         \n\n   "
            + $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        // Together, Fireworks, Groq, DeepSeek, Mistral
        { "Together",
            """{"id":"o1","object":"chat.completion","prompt":[],"choices":[{"finish_reason":"eos","seed":1,"logprobs":null,"index":"""
                + $$$"""0,"message":{"role":"assistant","content":"{{{Text}}}","tool_calls":[]}}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5,"cached_tokens":0}}""", "stop", 10, 5 },
        { "Together, finish empty",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":""}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", null, 10, 5 },
        { "Groq",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"queue_time":0.01,"prompt_tokens":"""
                + """10,"prompt_time":0.001,"completion_tokens":5},"x_groq":{"id":"req_1"}}""", "stop", 10, 5 },
        { "DeepSeek, busy",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"insufficient_system_resource"}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5"""
                + ""","prompt_cache_hit_tokens":0}}""", "insufficient_system_resource", 10, 5 },
        { "Mistral, parts with thinking",
            """{"choices":[{"message":{"role":"assistant","content":[{"type":"thinking","thinking":"""
                + $$$"""[{"type":"text","text":"rank: [1, 0, 2]"}]},{"type":"text","text":"{{{Text}}}"}]},"finish_reason":"stop"}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        // llama.cpp and its kin
        { "llama.cpp",
            $$$"""{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"{{{Text}}}"}}],"created":"""
                + """1,"model":"gpt-3.5-turbo","system_fingerprint":"b4000","object":"chat.completion","usage":{"completion_tokens":"""
                + """5,"prompt_tokens":10},"timings":{"prompt_n":10,"predicted_n":5}}""", "stop", 10, 5 },
        { "llama.cpp's own",
            $$$"""{"index":0,"content":"{{{Text}}}","tokens":[],"id_slot":0,"stop":true,"model":"m","tokens_predicted":"""
                + """5,"tokens_evaluated":10,"stop_type":"limit","stopping_word":""}""", "length", 10, 5 },
        { "llama-cpp-python",
            $$$"""{"choices":[{"index":0,"message":{"role":"assistant","content":"{{{Text}}}","function_call":null},"logprobs":"""
                + """null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "koboldcpp",
            """{"id":"chatcmpl-A1","object":"chat.completion","choices":[{"index":0"""
                + $$$""","message":{"role":"assistant","content":"{{{Text}}}","tool_calls":["""
                + """]},"finish_reason":"stop"}],"usage":null}""", "stop", 0, 0 },
        { "text-generation-webui",
            $$$"""{"choices":[{"index":0,"text":"{{{Text}}}","finish_reason":"stop","logprobs":{"top_logprobs":[{}]}}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "text-generation-inference", $$$"""[{"generated_text":"{{{Text}}}"}]""", null, 0, 0 },
        // LM Studio, Jan, LocalAI
        { "LM Studio",
            """{"id":"chatcmpl-x","object":"chat.completion","choices":[{"index":0,"logprobs":"""
                + $$$"""null,"finish_reason":"stop","message":{"role":"assistant","content":"{{{Text}}}"}}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5},"stats":{},"system_fingerprint":"m"}""", "stop", 10, 5 },
        { "Jan", $$$"""{"choices":[{"finish_reason":null,"index":0,"message":{"content":"{{{Text}}}","role":"assistant"}}],"created":"""
            + """1700193928,"id":"e","model":"_","object":"chat.completion","system_fingerprint":"_","usage":{"completion_tokens":"""
            + """5,"prompt_tokens":10,"total_tokens":15}}""", null, 10, 5 },
        { "LocalAI, no finish, no usage", $$$"""{"choices":[{"message":{"content":"{{{Text}}}"}}]}""", null, 0, 0 },
        // Anthropic-compatible
        { "Anthropic's own",
            """{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":"""
                + $$$"""[{"type":"thinking","thinking":"rank: [1, 0, 2]","signature":"s"},{"type":"text","text":"{{{Text}}}"}"""
                + """],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":5}}""", "stop", 10, 5 },
        { "Anthropic's own, cut off",
            $$$"""{"type":"message","content":[{"type":"text","text":"{{{Text}}}"}]"""
                + ""","stop_reason":"max_tokens","usage":{"input_tokens":10,"output_tokens":5}}""", "length", 10, 5 },
        { "Anthropic through OpenAI's protocol",
            $$$"""{"choices":[{"index":0,"message":{"role":"assistant","content":"{{{Text}}}"},"finish_reason":"end_turn"}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "Gemini through OpenAI's protocol",
            $$$"""{"choices":[{"finish_reason":"MAX_TOKENS","index":0,"message":{"content":"{{{Text}}}","role":"assistant"}}"""
                + """],"usage":{"completion_tokens":5,"prompt_tokens":10,"total_tokens":40}}""", "length", 10, 5 },
        // What goes wrong on the way
        { "usage in fractions and strings",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """10.0,"completion_tokens":"5"}}""", "stop", 10, 5 },
        { "usage null",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """null,"completion_tokens":null}}""", "stop", 0, 0 },
        { "usage negative",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """-1,"completion_tokens":-1}}""", "stop", 0, 0 },
        { "finish reason a number",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":0}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", null, 10, 5 },
        { "byte order mark", "\uFEFF"
            + $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "log-probabilities that are none",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"logprobs":{"content":[{"token":"a","logprob":null},{"token":"b"}"""
                + """]},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "an error beside the reply",
            $$$"""{"error":{"message":"a warning"},"choices":[{"message":{"content":"{{{Text}}}"},"finish_reason":"stop"}"""
                + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "a stream nobody asked for", $$$"""
            : keep-alive

            data: {"model":"m","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":""}]}

            data: {"choices":[{"delta":{"content":"{{{Text}}}"},"finish_reason":null}]}

            data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

            data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}

            data: [DONE]

            """, "stop", 10, 5 },
        { "numbers that are no JSON",
            $$$"""{"choices":[{"message":{"content":"{{{Text}}}"},"logprobs":{"content":[{"token":"a","logprob":"""
                + """NaN},{"token":"b","logprob":-Infinity}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "line breaks in a string",
            $$$"""{"choices":[{"message":{"content":"{{{Plain}}}"},"finish_reason":"stop",}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "a key twice",
            $$$"""{"choices":[],"choices":[{"message":{"content":"?","content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":"""
                + """null,"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "an error that is none",
            $$$"""{"error":null,"choices":[{"message":{"content":"{{{Text}}}","refusal":null,"reasoning_content":"rank: [1, 0, 2]"}"""
                + ""","finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop", 10, 5 },
        { "Ollama's own, an object a line", $$$"""
            {"model":"llama3","message":{"role":"assistant","content":""},"done":false}
            {"model":"llama3","message":{"role":"assistant","content":"{{{Text}}}"},"done":false}
            {"model":"llama3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":10,"eval_count":5}

            """, "stop", 10, 5 },
        { "Anthropic's own, a stream nobody asked for", $$$$"""
            event: message_start
            data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","usage":{"input_tokens":10,"output_tokens":1}}}

            event: ping
            data: {"type":"ping"}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{{{{Text}}}}"}}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}

            event: message_stop
            data: {"type":"message_stop"}

            """, "stop", 10, 5 },
        { "a whole reply called a part",
            $$$"""{"choices":[{"delta":{"content":"{{{Text}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""", "stop", 10, 5 },
    };

    /// <summary>Name; HTTP status; body; the error's status and code; verdict; words of the message.</summary>
    public static TheoryData<string, int, string, int, string?, CallVerdict, string> Refusals => new()
    {
        { "OpenAI, key", 401,
            """{"error":{"message":"Incorrect API key provided: sk-***.","type":"invalid_request_error","param":"""
                + """null,"code":"invalid_api_key"}}""", 401, "invalid_api_key", CallVerdict.Stop, "Incorrect API key" },
        { "OpenAI, quota", 429,
            """{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":"""
                + """null,"code":"insufficient_quota"}}""", 429, "insufficient_quota", CallVerdict.Stop, "quota" },
        { "OpenAI, temperature", 400,
            """{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this """
                + """model.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}"""
                + """}""", 400, "unsupported_value", CallVerdict.GiveUp, "'temperature' does not support 0" },
        { "Azure, filter", 400,
            """{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":"""
                + """400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}""", 400, "content_filter", CallVerdict.GiveUp, "filtered" },
        { "Azure, deployment", 404,
            """{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}""", 404,
            "DeploymentNotFound", CallVerdict.Stop, "deployment" },
        { "Azure, gateway", 401, """{"statusCode":401,"message":"Access denied due to invalid subscription key."}""", 401, null,
            CallVerdict.Stop, "Access denied" },
        { "vLLM, older", 400,
            """{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null"""
                + ""","code":400}""", 400, "context_length_exceeded", CallVerdict.GiveUp, "maximum context length" },
        { "vLLM, newer", 404, """{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}""",
            404, "NotFoundError", CallVerdict.Stop, "does not exist" },
        { "Ollama", 404, """{"error":{"message":"model 'x' not found","type":"api_error","param":null,"code":null}}""", 404, "api_error",
            CallVerdict.Stop, "not found" },
        { "Ollama's own", 500, """{"error":"llama runner process has terminated"}""", 500, null, CallVerdict.Retry,
            "llama runner process" },
        { "OpenRouter, credits", 402, """{"error":{"message":"Insufficient credits","code":402},"user_id":"u"}""", 402, null,
            CallVerdict.Stop, "Insufficient credits" },
        { "OpenRouter, choices null", 200,
            """{"id":null,"choices":null,"model":null,"error":{"message":"Provider returned error","code":429,"metadata":"""
                + """{"raw":"temporarily rate-limited upstream","provider_name":"BaseTen"}}"""
                + """}""", 429, null, CallVerdict.Retry, "Provider returned error (temporarily rate-limited upstream)" },
        { "OpenRouter, no choices", 200, """{"error":{"message":"Provider returned error","code":502},"user_id":"u"}""", 502, null,
            CallVerdict.Retry, "Provider returned error" },
        { "OpenRouter, error in the choice", 200,
            """{"choices":[{"error":{"code":502,"message":"Upstream idle timeout"},"finish_reason":"error","message":"""
                + """{"role":"assistant","content":""}}]}""", 502, null, CallVerdict.Retry, "Upstream idle timeout" },
        { "OpenRouter, content null", 200,
            """{"choices":[{"finish_reason":"stop","message":{"content":null,"role":"assistant"}}],"usage":{"completion_tokens":"""
                + """0,"prompt_tokens":0},"error":{"message":"Provider returned error","code":429}"""
                + """}""", 429, null, CallVerdict.Retry, "Provider returned error" },
        { "Together", 503,
            """{"id":"o","error":{"message":"The server is overloaded","type":"service_unavailable","param":null,"code":null}}""", 503,
            "service_unavailable", CallVerdict.Retry, "overloaded" },
        { "Groq, schema", 400,
            """{"error":{"message":"Failed to generate """
                + """JSON.","type":"invalid_request_error","code":"json_validate_failed","failed_generation":"..."}"""
                + """}""", 400, "json_validate_failed", CallVerdict.ReAsk, "Failed to generate JSON" },
        { "llama.cpp, loading", 503, """{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}""", 503,
            "unavailable_error", CallVerdict.Retry, "Loading model" },
        { "llama.cpp, context", 400,
            """{"error":{"code":400,"message":"the request exceeds the available context """
                + """size","type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}"""
                + """}""", 400, "context_length_exceeded", CallVerdict.GiveUp, "available context size" },
        { "LM Studio", 400,
            """{"error":"The number of tokens to keep is greater than the context length (n_keep: 13055>= n_ctx: 4096)."}""", 400,
            "context_length_exceeded", CallVerdict.GiveUp, "n_keep" },
        { "LM Studio, error in 200", 200, """{"error":"Unexpected endpoint or method. (POST /chat/completions)"}""", 500, null,
            CallVerdict.Retry, "Unexpected endpoint" },
        { "Anthropic, overloaded", 529,
            """{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}""", 529, "overloaded_error",
            CallVerdict.Retry, "Overloaded" },
        { "Anthropic, error in 200", 200, """{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}""", 429,
            "rate_limit_error", CallVerdict.Retry, "Slow down" },
        { "Gemini", 400, """[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]""", 400, null,
            CallVerdict.GiveUp, "API key not valid" },
        { "FastAPI", 422, """{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}""", 422, null,
            CallVerdict.GiveUp, "field required" },
        { "FastAPI, in 200", 200, """{"detail":"Model not loaded"}""", 500, null, CallVerdict.Retry, "Model not loaded" },
        { "Cloudflare", 403, """{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}""", 403, null,
            CallVerdict.Stop, "Authentication error" },
        { "a proxy's page", 502, "<html><h1>502 Bad Gateway</h1></html>", 502, null, CallVerdict.Retry, "502" },
        { "a page in 200", 200, "<html>gateway</html>", 200, null, CallVerdict.Retry, "not JSON" },
        { "nothing in 200", 200, "", 200, null, CallVerdict.Retry, "empty" },
        { "half a stream", 200, "data: {\"choices\":[{\"delta\":{\"content\":\"ra\"}}]}\n\n", 200, null, CallVerdict.Retry, "breaks off" },
        { "another protocol", 200, """{"candidates":[{"content":{"parts":[{"text":"rank: [0, 1, 2]"}]}}]}""", 200,
            ServiceError.NotUnderstood, CallVerdict.GiveUp, "none of the known forms" },
        { "nearly JSON", 200, """{"choices":[{"message":{"content":"rank: [0, 1, """
            + """2]}}]}""", 200, ServiceError.NotUnderstood, CallVerdict.GiveUp,
            "not JSON" },
        { "nested too deep", 200, new string('[', 200) + new string(']', 200), 200, ServiceError.NotUnderstood,
            CallVerdict.GiveUp, "not JSON" },
        { "a stream of signs of life", 200, "data: {\"type\":\"ping\"}\n\ndata: [DONE]\n\n", 200, ServiceError.NotUnderstood,
            CallVerdict.GiveUp, "no known form" },
        { "an error in a stream", 200,
            "event: error\n"
            + "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
            500, "overloaded_error", CallVerdict.Retry, "Overloaded" },
        { "an error of text in 200", 200, """{"error":"upstream timed out","choices":[]"""
            + """}""", 500, null, CallVerdict.Retry, "upstream timed out" },
        { "JSON cut off", 200, """{"choices":[{"message":{"content":"rank: [0,""", 200, null, CallVerdict.Retry, "not JSON" },
        { "a number", 200, "42", 200, ServiceError.NotUnderstood, CallVerdict.GiveUp, "none of the known forms" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Replies))]
    public async Task Reply_IsUnderstoodJournaledAndPaidOnce(string service, string body, string? finish, int input, int output)
    {
        Assert.NotEmpty(service);
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(body));
        for (int run = 0; run < 2; run++)
        {
            using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));
            using IChatClient client = Client(server, journal);

            ChatResponse response = await client.GetResponseAsync("q");

            Assert.Equal(Plain, response.Text);
            Assert.Equal(finish, response.FinishReason?.Value);
            JournaledCall call = Assert.Single(journal.Calls());
            Assert.Equal(Plain, call.Reply);
            if (output > 0)
                Assert.Equal((input, output, null), (call.InputTokens, call.OutputTokens, call.UsageEstimated));
            else
                Assert.True(call is { InputTokens: > 0, OutputTokens: > 0, UsageEstimated: true });
        }

        Assert.Equal(1, server.Calls);
    }

    /// <summary>Replies without text that were paid for: they are journaled as they are, and the very same is not asked again.</summary>
    [Theory]
    [InlineData("""{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":"""
        + """{"name":"rank","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":"""
        + """10,"completion_tokens":5}}""", "tool_calls")]
    [InlineData("""{"choices":[{"message":{"role":"assistant","content":null,"refusal":"I cannot help with that."}"""
        + ""","finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "content_filter")]
    [InlineData("""{"choices":[{"message":{"role":"assistant","content":"","reasoning_content":"so many thoughts"}"""
        + ""","finish_reason":"length"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "length")]
    [InlineData("""{"choices":[{"message":{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]},"finish_reason":"stop"}"""
        + """],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", "stop")]
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}""", null)]
    public async Task Reply_WithoutText_IsJournaledAndPaidOnce(string body, string? finish)
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(body));
        for (int run = 0; run < 2; run++)
        {
            using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));
            using IChatClient client = Client(server, journal);
            ChatResponse response = await client.GetResponseAsync("q");
            Assert.Equal(("", finish), (response.Text, response.FinishReason?.Value));
            Assert.Equal(5, Assert.Single(journal.Calls()).OutputTokens);
        }

        Assert.Equal(1, server.Calls);
    }

    /// <summary>Gateways pack answers that nobody asked to be packed; taken for text, they were no JSON and paid for at each
    /// retry.</summary>
    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip", null)] // and do not say so
    [InlineData("none", "gzip")] // or say so and do not
    [InlineData("deflate", "deflate")]
    [InlineData("br", "br")]
    public async Task Reply_PackedByAGateway_IsUnpackedAndPaidOnce(string packing, string? header)
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(
            _ => ServerReply.Chat("hi") with { Packed = Pack, Encoding = header });
        using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));
        using IChatClient client = Client(server, journal);

        Assert.Equal("hi", (await client.GetResponseAsync("q")).Text);
        Assert.Equal((1, 1), (server.Calls, journal.Count));

        byte[] Pack(byte[] body)
        {
            using var packed = new MemoryStream();
            using (Stream stream = packing switch
            {
                "gzip" => new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                "deflate" => new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                "br" => new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                _ => new BufferedStream(packed),
            })
            {
                stream.Write(body);
                stream.Flush();
                return packing == "none" ? packed.ToArray() : Closed(stream, packed);
            }
        }

        static byte[] Closed(Stream stream, MemoryStream packed)
        {
            stream.Dispose();
            return packed.ToArray();
        }
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Refusal_KeepsStatusCodeAndWords(string service, int httpStatus, string body, int status, string? code,
        CallVerdict verdict, string words)
    {
        Assert.NotEmpty(service);
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(body, httpStatus));
        using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));
        using IChatClient client = Client(server, journal);

        var e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal(verdict, e.Decision.Verdict);
        Assert.Equal((status, code), (e.Decision.Error!.Status, e.Decision.Error.Code));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Equal(code == ServiceError.NotUnderstood ? 1 : 0, journal.Count); // what was answered is kept, what was refused is not
    }

    [Fact]
    public async Task Answer_OfNoKnownForm_IsKeptWholeAndNotPaidAgain()
    {
        const string Body = """{"candidates":[{"content":{"parts":[{"text":"rank: [0, 1, 2]"}]}}]}""";
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(Body));
        for (int run = 0; run < 3; run++)
        {
            using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));
            using IChatClient client = Client(server, journal);
            Exception e = await Assert.ThrowsAnyAsync<Exception>(() => client.GetResponseAsync("q"));
            Assert.Equal(ServiceError.NotUnderstood, CallErrorClassifier.Default.Classify(e).Error!.Code);
            JournaledCall call = Assert.Single(journal.Calls());
            Assert.Equal((Body, ServiceError.NotUnderstood, true), (call.Reply, call.Finish, call.UsageEstimated));
        }

        Assert.Equal(1, server.Calls);
    }

    [Fact]
    public async Task Answer_NotUnderstoodByAnEarlierReader_IsReadAgain()
    {
        string path = Path.Combine(_folder, "calls.jsonl");
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => throw new InvalidOperationException("nobody asks"));
        ChatCompletionsClient service = Service(server);
        string key = CallKey.Of([new ChatMessage(ChatRole.User, "q")], null,
            (ChatClientMetadata)service.GetService(typeof(ChatClientMetadata))!);
        await File.WriteAllTextAsync(path,
            $$$"""{"key":"{{{key}}}","endpoint":"","reply":"{\"choices\":[{\"message\":{\"content\":\"hi\"} """
                + """}]}","finish":"answer_not_understood"}""" + "\n");
        using CallJournal journal = CallJournal.Open(path);
        using IChatClient client = service.AsBuilder().UseJournal(journal).Build();

        Assert.Equal("hi", (await client.GetResponseAsync("q")).Text);
    }

    [Theory]
    [InlineData("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")]
    public async Task Limit_ServiceWantsTheNewName_IsSentUnderIt(string refused, string message)
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(call => call.Body.TryGetProperty(refused, out _)
            ? new ServerReply($$$"""{"error":{"message":"{{{message}}}","param":"max_tokens","code":"unsupported_parameter"}}""", 400)
            : ServerReply.Chat(call.Body.GetProperty("max_completion_tokens").GetRawText()));
        using ChatCompletionsClient client = Service(server);

        for (int i = 0; i < 2; i++)
            Assert.Equal("77", (await client.GetResponseAsync($"q{i}", new ChatOptions { MaxOutputTokens = 77 })).Text);

        Assert.Equal(3, server.Calls); // found out once
    }

    [Fact]
    public async Task Reply_WithHalfASurrogatePair_IsTextAllTheSame()
    {
        await using OpenAIServer server =
            await OpenAIServer.StartAsync(_ =>
            new ServerReply("""{"choices":[{"message":{"content":"a\ud800b\n\"c\" \u00e9\ud83d\udc1f"},"finish_reason":"stop"}]}"""));
        using ChatCompletionsClient client = Service(server);

        Assert.Equal("a\uFFFDb\n\"c\" é🐟", (await client.GetResponseAsync("q")).Text);
    }

    private static ChatCompletionsClient Service(OpenAIServer server) => new(new HttpChatOptions
    {
        BaseAddress = server.Address,
        Model = "m",
    });

    private static IChatClient Client(OpenAIServer server, CallJournal journal) => Service(server).AsBuilder()
        .UseCallPipeline(new CallPipelineOptions { Journal = journal, Resilience = new ResilienceOptions { MaxRetries = 0 } }).Build();
}
