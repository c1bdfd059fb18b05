using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Rankers.Teachers;

/// <summary>A local policy as the teacher.</summary>
/// <remarks>
/// Log-probabilities are the policy's own (temperature 1, nothing cut off) and count the end token when it was met. Thread-safe: a policy
/// is used by one thread at a time, so rows wait for one another. The policy stays the caller's to dispose.
/// </remarks>
public sealed class PolicyTeacher : ITeacher, IDisposable
{
    private readonly IPolicyModel _policy;
    private readonly ITokenizer _tokenizer;
    private readonly GroupTokenizer _tokens;
    private readonly TeacherOptions _options;
    private readonly string? _name;
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Creates the teacher.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">Settings; read once, here.</param>
    /// <param name="name">The policy's name in the stored responses.</param>
    public PolicyTeacher(IPolicyModel policy, ITokenizer tokenizer, TeacherOptions? options = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(tokenizer);
        _policy = policy;
        _tokenizer = tokenizer;
        _options = options ?? new TeacherOptions();
        _options.Validate();
        _tokens = new GroupTokenizer(tokenizer, _options.Template);
        _name = name;
    }

    /// <inheritdoc/>
    public async Task<TeacherAnswer> AnswerAsync(TeacherRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Count, 1);
        int[] prompt = _tokens.EncodePrompt(request.Instruction, request.Input);
        int room = _policy.Info.ContextLength - prompt.Length;
        if (room < 1)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest,
                $"the prompt has {prompt.Length} tokens, but the policy's context has {_policy.Info.ContextLength}.");
        var sampling = new SamplingRequest
        {
            Prompt = prompt,
            Count = request.Count,
            MaxNewTokens = Math.Min(_options.MaxTokens, room),
            Temperature = _options.Temperature,
            TopP = _options.TopP,
            Seed = Rng.Derive(_options.Seed, BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(request.Id)))),
            StopTokens = [_tokenizer.EosId],
        };
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // The model computes for a while; the caller's thread is left free meanwhile.
            IReadOnlyList<SampledResponse> samples =
                (await Task.Run(() => _policy.Sample([sampling], cancellationToken), cancellationToken).ConfigureAwait(false))[0];
            return new TeacherAnswer(
                [.. samples.Select(s => new CandidateResponse(_tokenizer.Decode([.. s.Tokens]), s.LogProb, s.Tokens.Count, _name))],
                RankingUsage.None);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Releases the teacher's own resources; the policy is left alone.</summary>
    public void Dispose() => _turn.Dispose();
}
