using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>A chat client over plain HTTP, for services that speak the OpenAI protocol: no package beyond the base library, no retries of
/// its own.</summary>
/// <remarks>
/// Understands what lenient servers send: unknown or missing finish reasons, errors inside answers of success, missing usage, content in
/// parts. Gives token log-probabilities when asked to, which teachers need (<see cref="ReplyLogProb"/>). Text only; put
/// <see cref="ChatClientBuilderExtensions.UseCallPipeline"/> before it. The key it holds is in no text that leaves it. Thread-safe.
/// </remarks>
public abstract class HttpChatClient : IChatClient
{
    private const string NewLimit = "max_completion_tokens";

    private readonly OpenAIEndpoint _endpoint;
    private readonly ChatClientMetadata _metadata;
    private readonly HttpClient? _owned;
    private volatile bool _newLimitName;

    private protected HttpChatClient(HttpClient? http, HttpChatOptions options, string path)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        if (http is null)
            http = _owned = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        Uri address = options.Resolve(path);
        _endpoint = new OpenAIEndpoint(http, address, options);
        _newLimitName = address.Host == HttpChatOptions.OpenAI.Host;
        _metadata = new ChatClientMetadata("openai-protocol", WithoutSecrets(options.BaseAddress), options.Model);
    }

    private protected HttpChatOptions Options { get; }

    /// <inheritdoc/>
    /// <exception cref="ChatServiceException">The service refused, or its answer is no reply.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        IReadOnlyList<ChatMessage> kept = [.. messages];
        string answer;
        try
        {
            answer = await _endpoint.PostAsync(json => WriteBody(json, kept, options), cancellationToken).ConfigureAwait(false);
        }
        catch (ChatServiceException e)
            when (!_newLimitName && e.Error.Status == 400 && e.Message.Contains(NewLimit, StringComparison.Ordinal))
        {
            // Newer models refuse the old name of the limit and say the new one; older servers know only the old.
            _newLimitName = true;
            answer = await _endpoint.PostAsync(json => WriteBody(json, kept, options), cancellationToken).ConfigureAwait(false);
        }

        return Clean(OpenAIAnswer.Read(answer));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
        ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatResponse response = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (ChatResponseUpdate update in response.ToChatResponseUpdates())
            yield return update;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null
            ? null : serviceType == typeof(ChatClientMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Ends the connections of a client that was made without an HTTP client; one that was given stays its owner's.</summary>
    public void Dispose()
    {
        _owned?.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract void WriteMessages(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages);

    private protected abstract void WriteLogProbs(Utf8JsonWriter json);

    private void WriteBody(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages, ChatOptions? options)
    {
        json.WriteStartObject();
        if ((options?.ModelId ?? Options.Model) is { } model)
            json.WriteString("model", model);
        WriteMessages(json, messages);
        if (options?.Temperature is { } temperature)
            json.WriteNumber("temperature", temperature);
        if (options?.TopP is { } topP)
            json.WriteNumber("top_p", topP);
        if (options?.MaxOutputTokens is { } limit)
            json.WriteNumber(_newLimitName ? NewLimit : "max_tokens", limit);
        if (options?.Seed is { } seed)
            json.WriteNumber("seed", seed);
        if (options?.StopSequences is { Count: > 0 } stops)
        {
            json.WriteStartArray("stop");
            foreach (string stop in stops)
                json.WriteStringValue(stop);
            json.WriteEndArray();
        }

        if (options?.ResponseFormat is ChatResponseFormatJson format)
            WriteFormat(json, format);
        if (Options.LogProbs)
            WriteLogProbs(json);
        json.WriteEndObject();
    }

    // The answer was cleaned as it came; escapes in it may have hidden the key from that.
    private ChatResponse Clean(ChatResponse response)
    {
        if (Options.Secret is null)
            return response;
        foreach (TextContent text in response.Messages.SelectMany(m => m.Contents).OfType<TextContent>())
            text.Text = _endpoint.Clean(text.Text);
        response.ModelId = response.ModelId is { } model ? _endpoint.Clean(model) : null;
        response.ResponseId = response.ResponseId is { } id ? _endpoint.Clean(id) : null;
        response.FinishReason = response.FinishReason is { } finish ? new ChatFinishReason(_endpoint.Clean(finish.Value)) : null;
        return response;
    }

    private static Uri WithoutSecrets(Uri address) =>
        new(address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));

    private static void WriteFormat(Utf8JsonWriter json, ChatResponseFormatJson format)
    {
        json.WriteStartObject("response_format");
        json.WriteString("type", format.Schema is null ? "json_object" : "json_schema");
        if (format.Schema is { } schema)
        {
            json.WriteStartObject("json_schema");
            json.WriteString("name", format.SchemaName ?? "reply");
            if (format.SchemaDescription is { } description)
                json.WriteString("description", description);
            json.WriteBoolean("strict", true);
            json.WritePropertyName("schema");
            schema.WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}

/// <summary>Chat completions of the OpenAI protocol (<c>POST chat/completions</c>).</summary>
/// <param name="options">Where to, and what is asked for.</param>
/// <param name="http">Sends the calls, with a generous timeout or none, since tries are limited by the pipeline; a client of its own when
/// null.</param>
public sealed class ChatCompletionsClient(HttpChatOptions options, HttpClient? http = null)
    : HttpChatClient(http, options, "chat/completions")
{
    private protected override void WriteMessages(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages)
    {
        json.WriteStartArray("messages");
        foreach (ChatMessage message in messages)
        {
            json.WriteStartObject();
            json.WriteString("role", message.Role.Value);
            json.WriteString("content", message.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private protected override void WriteLogProbs(Utf8JsonWriter json) => json.WriteBoolean("logprobs", true);
}

/// <summary>Text completions as vLLM and llama.cpp serve them (<c>POST completions</c>): the messages' texts, joined, are the
/// prompt.</summary>
/// <remarks>For base models and for models tuned on a template: the prompt goes in as it is, no chat template is put around it.</remarks>
/// <param name="options">Where to, and what is asked for.</param>
/// <param name="http">Sends the calls, with a generous timeout or none, since tries are limited by the pipeline; a client of its own when
/// null.</param>
public sealed class CompletionsClient(HttpChatOptions options, HttpClient? http = null) : HttpChatClient(http, options, "completions")
{
    private protected override void WriteMessages(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages) =>
        json.WriteString("prompt", string.Concat(messages.Select(m => m.Text)));

    private protected override void WriteLogProbs(Utf8JsonWriter json)
    {
        json.WriteNumber("logprobs", 1); // vLLM, and llama.cpp's /v1/completions
        json.WriteNumber("n_probs", 1); // llama.cpp's own /completion
    }
}
