using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Tuna.Cli.Tests.Support;

/// <summary>A judge (and teacher) that speaks the OpenAI protocol over HTTP on this machine, by a script.</summary>
internal sealed class LoopbackJudge : IDisposable
{
    private readonly HttpListener _listener;
    private readonly Func<int, string, JudgeReply> _script;
    private int _calls;

    /// <param name="script">From the call's number (0-based) and its body to the reply.</param>
    public LoopbackJudge(Func<int, string, JudgeReply> script)
    {
        _script = script;
        (_listener, Address) = Listen();
        _ = Task.Run(ServeAsync);
    }

    public string Address { get; }

    public int Calls => Volatile.Read(ref _calls);

    public ConcurrentQueue<string> Bodies { get; } = new();

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OPENAI_API_KEY"] = "test-key-of-the-loopback-judge",
        ["OPENAI_BASE_URL"] = Address,
    };

    /// <summary>A judge that ranks all candidates in the order they came in, and of two assistants prefers the first.</summary>
    public static LoopbackJudge InOrder(TimeSpan delay = default) => new((_, body) =>
        new(body.Contains("[[A]]", StringComparison.Ordinal) ? "[[A]]" : Ranking([0, 1, 2, 3]), Delay: delay));

    public static string Ranking(int[] order) =>
        string.Join('\n', order.Select((k, i) => $"Response {k}: [{14 - i}]")) + $"\nrank: [{string.Join(", ", order)}]";

    public void Dispose() => _listener.Close();

    private static (HttpListener, string) Listen()
    {
        for (int attempt = 0; ; attempt++)
        {
            // The listener cannot choose a free port itself.
            int port;
            using (var probe = new TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                port = ((IPEndPoint)probe.LocalEndpoint).Port;
            }

            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                listener.Start();
                return (listener, $"http://127.0.0.1:{port}/v1");
            }
            catch (HttpListenerException) when (attempt < 10)
            {
            }
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (_listener.IsListening)
            {
                HttpListenerContext context = await _listener.GetContextAsync();
                _ = Task.Run(() => AnswerAsync(context));
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using var reader = new StreamReader(context.Request.InputStream);
            string body = await reader.ReadToEndAsync();
            Bodies.Enqueue(body);
            JudgeReply reply = _script(Interlocked.Increment(ref _calls) - 1, body);
            if (reply.Delay > TimeSpan.Zero)
                await Task.Delay(reply.Delay);
            byte[] bytes = Encoding.UTF8.GetBytes(reply.Status == 200 ? Completion(reply)
                : new JsonObject { ["error"] = new JsonObject { ["message"] = "scripted", ["code"] = reply.Text } }.ToJsonString());
            context.Response.StatusCode = reply.Status;
            context.Response.ContentType = "application/json";
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The client was killed.
        }
    }

    private static string Completion(JudgeReply reply)
    {
        var choice = new JsonObject
        {
            ["index"] = 0,
            ["finish_reason"] = "stop",
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = reply.Text },
        };
        if (reply.LogProbs is { } logProbs)
            choice["logprobs"] = new JsonObject
            {
                ["content"] = new JsonArray(
                    [.. logProbs.Select(p => (JsonNode)new JsonObject { ["token"] = "x", ["logprob"] = p,
                    ["top_logprobs"] = new JsonArray() })]),
            };
        return new JsonObject
        {
            ["id"] = "c",
            ["object"] = "chat.completion",
            ["created"] = 0,
            ["model"] = "loopback",
            ["choices"] = new JsonArray(choice),
            ["usage"] = new JsonObject
            {
                ["prompt_tokens"] = 100,
                ["completion_tokens"] = reply.OutputTokens,
                ["total_tokens"] = 100 + reply.OutputTokens,
            },
        }.ToJsonString();
    }
}

/// <summary>What the judge answers.</summary>
/// <param name="Text">The reply, or the error's code when the status is not 200.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Delay">How long it thinks.</param>
/// <param name="LogProbs">Token log-probabilities, for a teacher.</param>
/// <param name="OutputTokens">What is billed beside the 100 tokens of the prompt.</param>
internal sealed record JudgeReply(string Text, int Status = 200, TimeSpan Delay = default, double[]? LogProbs = null,
    int OutputTokens = 20);
