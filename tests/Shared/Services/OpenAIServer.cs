using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tuna.Testing.Services;

/// <summary>A call as the server sees it.</summary>
/// <param name="Path">The path.</param>
/// <param name="Body">The body.</param>
/// <param name="Attempt">How often this very body came before.</param>
internal sealed record ServerCall(string Path, JsonElement Body, int Attempt)
{
    public string Prompt => Body.TryGetProperty("prompt", out JsonElement prompt)
        ? prompt.GetString()! : Messages.First(m => m.Role == "user").Text;

    public string LastMessage => Messages[^1].Text;

    public IReadOnlyList<(string Role, string Text)> Messages =>
        [.. Body.GetProperty("messages").EnumerateArray()
            .Select(m => (m.GetProperty("role").GetString()!, Content(m.GetProperty("content"))))];

    private static string Content(JsonElement content) =>
        content.ValueKind == JsonValueKind.String
            ? content.GetString()! : string.Concat(content.EnumerateArray().Select(part => part.GetProperty("text").GetString()));
}

/// <summary>A server on loopback that speaks the OpenAI protocol, and misbehaves when its script says so.</summary>
internal sealed class OpenAIServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Func<ServerCall, ServerReply> _script;
    private readonly ConcurrentDictionary<string, int> _attempts = new(StringComparer.Ordinal);
    private int _calls;

    private OpenAIServer(WebApplication app, Func<ServerCall, ServerReply> script)
    {
        _app = app;
        _script = script;
    }

    /// <summary>Where it listens, ending in <c>/v1/</c>.</summary>
    public Uri Address => new(_app.Urls.First() + "/v1/");

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>How often each body was answered whole, with success: what a service would bill.</summary>
    public ConcurrentDictionary<string, int> Paid { get; } = new(StringComparer.Ordinal);

    public ConcurrentBag<string?> ApiKeys { get; } = [];

    public static async Task<OpenAIServer> StartAsync(Func<ServerCall, ServerReply> script)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var server = new OpenAIServer(app, script);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(200)); // calls that hang on purpose are cut
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        Interlocked.Increment(ref _calls);
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        string body = await reader.ReadToEndAsync();
        ApiKeys.Add(context.Request.Headers.Authorization);
        int attempt = _attempts.AddOrUpdate(body, 0, (_, n) => n + 1);
        using JsonDocument document = JsonDocument.Parse(body);
        ServerReply reply = _script(new ServerCall(context.Request.Path.Value!, document.RootElement.Clone(), attempt));
        if (reply.Delay > TimeSpan.Zero)
        {
            try
            {
                await Task.Delay(reply.Delay, context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        context.Response.StatusCode = reply.Status;
        context.Response.ContentType = reply.ContentType;
        if (reply.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = wait;
        byte[] bytes = reply.Packed?.Invoke(Encoding.UTF8.GetBytes(reply.Body)) ?? Encoding.UTF8.GetBytes(reply.Body);
        if (reply.Encoding is { } encoding)
            context.Response.Headers.ContentEncoding = encoding;
        if (reply.Cut)
        {
            context.Response.ContentLength = bytes.Length;
            await context.Response.Body.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return;
        }

        if (reply.Billed)
            Paid.AddOrUpdate(body, 1, (_, n) => n + 1);
        await context.Response.Body.WriteAsync(bytes);
    }
}

/// <summary>What the server sends back.</summary>
internal sealed record ServerReply(string Body, int Status = 200, string ContentType = "application/json")
{
    public bool Cut { get; init; }

    public bool Billed { get; init; }

    /// <summary>How the body is packed, though nobody asked for it; null for not at all.</summary>
    public Func<byte[], byte[]>? Packed { get; init; }

    /// <summary>The header that says so.</summary>
    public string? Encoding { get; init; }

    public string? RetryAfter { get; init; }

    public TimeSpan Delay { get; init; }

    public static ServerReply Chat(string text, string finish = "stop", double[]? logProbs = null) =>
        new(ChatBody(text, finish, logProbs)) { Billed = true };

    public static ServerReply Error(int status, string? code = null, string? retryAfter = null) =>
        new(JsonSerializer.Serialize(new { error = new { message = "The script says so.", type = "scripted", code } }),
            status) { RetryAfter = retryAfter };

    public static ServerReply EmptyChoices() =>
        new("""{"id":"c","object":"chat.completion","created":1,"model":"scripted-1","choices":[],"usage":{"prompt_tokens":"""
            + """10,"completion_tokens":0,"total_tokens":10}}""");

    public static ServerReply Garbage() => new("<html>502 from a proxy that says 200</html>", ContentType: "text/html");

    public static ServerReply Truncated(string text)
    {
        string body = ChatBody(text, "stop", null);
        return new(body[..(body.Length * 2 / 3)]);
    }

    public static ServerReply CutOff(string text) => new(ChatBody(text, "stop", null)) { Cut = true };

    private static string ChatBody(string text, string finish, double[]? logProbs) => JsonSerializer.Serialize(new
    {
        id = "chatcmpl-1",
        @object = "chat.completion",
        created = 1,
        model = "scripted-1",
        choices = new[]
        {
            new
            {
                index = 0,
                message = new { role = "assistant", content = text, refusal = (string?)null },
                logprobs = logProbs is null ? null : new
                {
                    content = logProbs.Select(p =>
                        new { token = "t", logprob = p, bytes = (int[]?)null, top_logprobs = Array.Empty<object>() }),
                    refusal = (object?)null,
                },
                finish_reason = finish,
            },
        },
        usage = new { prompt_tokens = 100, completion_tokens = 20, total_tokens = 120 },
    });
}
