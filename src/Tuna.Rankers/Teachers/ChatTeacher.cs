using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Numerics;
using Tuna.Ranking;

namespace Tuna.Rankers.Teachers;

/// <summary>A teacher behind a chat client that reports log-probabilities: an OpenAI-compatible endpoint, vLLM, llama.cpp.</summary>
/// <remarks>
/// One call per response, each with a seed of its own, so that a journal before the client keeps every response (text, log-probability and
/// token count) and a repeated run pays for none twice. The log-probability comes from <see cref="ReplyLogProb"/>, which the clients in
/// <c>Tuna.Chat.Http</c> attach, or from a function over the response
/// for other clients. The client stays the caller's to dispose.
/// </remarks>
public sealed class ChatTeacher : ITeacher
{
    private readonly IChatClient _client;
    private readonly TeacherOptions _options;
    private readonly Func<ChatResponse, ReplyLogProb?> _logProb;

    /// <summary>Creates the teacher.</summary>
    /// <param name="client">The teacher's service.</param>
    /// <param name="options">Settings; read once, here.</param>
    /// <param name="logProb">Finds the log-probability in a response; <see cref="ReplyLogProb.Of"/> when null.</param>
    public ChatTeacher(IChatClient client, TeacherOptions? options = null, Func<ChatResponse, ReplyLogProb?>? logProb = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new TeacherOptions();
        _options.Validate();
        _logProb = logProb ?? ReplyLogProb.Of;
    }

    /// <inheritdoc/>
    public async Task<TeacherAnswer> AnswerAsync(TeacherRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Count, 1);
        string prompt;
        try
        {
            prompt = _options.Template.Format(request.Instruction, request.Input);
        }
        catch (ArgumentException e)
        {
            throw new RankingException(request.Id, RankingFailure.InvalidRequest, e.Message, innerException: e);
        }

        var responses = new List<CandidateResponse>(request.Count);
        RankingUsage usage = RankingUsage.None;
        for (int k = 0; k < request.Count; k++)
        {
            ChatResponse response = await CallAsync(request, prompt, k, usage, cancellationToken).ConfigureAwait(false);
            usage = usage.Add(CallUsage.Of(response).ToRankingUsage());
            if (response.FinishReason == ChatFinishReason.ContentFilter)
                throw new RankingException(request.Id, RankingFailure.Refused, "the teacher's content filter refused this instruction.",
                    usage);
            ReplyLogProb logProb = _logProb(response) ?? throw new RankingException(request.Id, RankingFailure.ServiceError,
                "the teacher gave no log-probabilities; ask its client for them (HttpChatOptions.LogProbs) or use a service that has them.",
                    usage);
            responses.Add(new CandidateResponse(response.Text, logProb.Sum, logProb.Tokens, response.ModelId ?? _options.Model));
        }

        return new TeacherAnswer(responses, usage);
    }

    private async Task<ChatResponse> CallAsync(TeacherRequest request, string prompt, int k, RankingUsage spent,
        CancellationToken cancellationToken)
    {
        var options = new CallOptions
        {
            ModelId = _options.Model,
            Temperature = _options.Temperature,
            TopP = _options.TopP,
            MaxOutputTokens = _options.MaxTokens,
            Seed = Seed(request, k),
            RowId = request.Id,
            PromptVersion = "teacher-1",
        };
        try
        {
            return await _client.GetResponseAsync([new ChatMessage(ChatRole.User, prompt)], options, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw CallFailure.ToRankingException(request.Id, "teacher", e, spent);
        }
    }

    // Services take seeds of 63 bits at most, many of them 32; 31 bits fit all.
    private long Seed(TeacherRequest request, int k)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(request.Id));
        return (long)(Rng.Derive(Rng.Derive(_options.Seed, BinaryPrimitives.ReadUInt64LittleEndian(hash)), (ulong)k) >> 33);
    }
}
