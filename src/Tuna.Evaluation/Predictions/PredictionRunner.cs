using System.Globalization;
using Tuna.Data;
using Tuna.IO;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Evaluation.Predictions;

/// <summary>Has a policy answer the prompts of a benchmark, into an append-only file from which an interrupted run resumes.</summary>
/// <remarks>
/// A prediction depends on its prompt, the seed and the settings, never on the batch or on what was done before, so a resumed run gives
/// what an uninterrupted one gives. Used by one thread at a time, as the policy is.
/// </remarks>
public sealed class PredictionRunner
{
    private readonly IPolicyModel _policy;
    private readonly ITokenizer _tokenizer;
    private readonly PredictionRunnerOptions _options;

    /// <summary>Creates a runner.</summary>
    /// <param name="policy">The model.</param>
    /// <param name="tokenizer">Its tokenizer; a prompt gets its begin token and a prediction ends at its end token.</param>
    /// <param name="options">Settings; the defaults (greedy) when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the tokenizer knows ids that the policy does not.</exception>
    public PredictionRunner(IPolicyModel policy, ITokenizer tokenizer, PredictionRunnerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (tokenizer.VocabularySize > policy.Info.VocabularySize)
            throw new ArgumentException(
                $"The tokenizer has {tokenizer.VocabularySize} ids, the policy {policy.Info.VocabularySize}; they do not belong together.",
                nameof(tokenizer));
        _policy = policy;
        _tokenizer = tokenizer;
        _options = options ?? new();
        _options.Validate();
    }

    /// <summary>Answers every prompt that the file does not answer yet. Lines of the file carry checksums; one that is damaged is removed,
    /// an issue says so, and its prompt is answered again.</summary>
    /// <param name="prompts">The prompts; their ids are unique.</param>
    /// <param name="path">The file of predictions, created when missing.</param>
    /// <param name="progress">Is told after each batch.</param>
    /// <param name="cancellationToken">Stops between tokens; whole batches stay in the file.</param>
    /// <returns>All predictions. A prompt that leaves no room for an answer within the policy's context has none, and an issue says
    /// so.</returns>
    /// <exception cref="ArgumentException">Two prompts have one id.</exception>
    /// <exception cref="DataFormatException">The file holds something else: other prompts, another model, other settings.</exception>
    public PredictionSet Run(IReadOnlyList<EvaluationPrompt> prompts, string path, IProgress<PredictionProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.CountBy(prompt => prompt.Id).FirstOrDefault(id => id.Value > 1) is { Key: { } twice })
            throw new ArgumentException(
                $"{prompts.CountBy(prompt => prompt.Id).First(id => id.Value > 1).Value} prompts have the id '{twice}'.", nameof(prompts));

        using JsonlJournal journal = JsonlJournal.Open(path, checksums: true);
        Dictionary<string, Prediction> done = ReadDone(journal, prompts);
        var issues = new List<string>();
        if (journal.DamagedLines is { Count: > 0 } damaged)
        {
            issues.Add(
                $"{path}: {damaged.Count} {(damaged.Count == 1 ? "line was" : "lines were")} not as written (line "
                + $"{string.Join(", ", damaged.Take(10))}) and removed; their prompts are answered again.");
            journal.RemoveDamagedLines(); // others read the file too
        }

        foreach (EvaluationPrompt[] batch in prompts.Where(prompt => !done.ContainsKey(prompt.Id)).Chunk(_options.BatchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (Prediction prediction in Answer(batch, path, issues, cancellationToken))
            {
                journal.Append(prediction, PredictionFormat.Instance);
                done.Add(prediction.Id, prediction);
            }

            progress?.Report(new PredictionProgress(done.Count, prompts.Count));
        }

        return new PredictionSet(prompts.Where(prompt => done.ContainsKey(prompt.Id)).Select(prompt => done[prompt.Id]), path, issues);
    }

    private List<Prediction> Answer(EvaluationPrompt[] batch, string path, List<string> issues, CancellationToken cancellationToken)
    {
        var asked = new List<EvaluationPrompt>(batch.Length);
        var requests = new List<SamplingRequest>(batch.Length);
        foreach (EvaluationPrompt prompt in batch)
        {
            int[] ids = _tokenizer.Encode(prompt.Text);
            if (_tokenizer.BosId is { } bos)
                ids = [bos, .. ids];
            int room = Math.Min(prompt.MaxNewTokens, _policy.Info.ContextLength - ids.Length);
            if (room < 1 || ids.Length == 0)
            {
                issues.Add(
                    $"{path}, id '{prompt.Id}': the prompt has {ids.Length} tokens, which leaves no room for an answer in a context of "
                    + $"{_policy.Info.ContextLength}; there is no prediction.");
                continue;
            }

            asked.Add(prompt);
            requests.Add(new SamplingRequest
            {
                Prompt = ids,
                MaxNewTokens = room,
                Temperature = _options.Temperature,
                Seed = Rng.Derive(_options.Seed, StableHash.Of(prompt.Id)),
                StopTokens = [_tokenizer.EosId],
            });
        }

        IReadOnlyList<IReadOnlyList<SampledResponse>> samples = requests.Count == 0 ? [] : _policy.Sample(requests, cancellationToken);
        return [.. asked.Select((prompt, i) => Answered(prompt, samples[i][0]))];
    }

    private Prediction Answered(EvaluationPrompt prompt, SampledResponse sample)
    {
        int[] tokens = [.. sample.Tokens];
        return new Prediction(prompt.Id, _tokenizer.Decode(tokens.AsSpan(0, sample.Stopped ? tokens.Length - 1 : tokens.Length)),
            tokens.Length, sample.Stopped, HashOf(prompt));
    }

    private Dictionary<string, Prediction> ReadDone(JsonlJournal journal, IReadOnlyList<EvaluationPrompt> prompts)
    {
        Dictionary<string, EvaluationPrompt> byId = prompts.ToDictionary(prompt => prompt.Id, StringComparer.Ordinal);
        var done = new Dictionary<string, Prediction>(StringComparer.Ordinal);
        if (journal.Length == 0)
            return done;
        foreach (Prediction prediction in journal.ReadRows(PredictionFormat.Instance))
        {
            if (!byId.TryGetValue(prediction.Id, out EvaluationPrompt? prompt) || prediction.PromptHash != HashOf(prompt))
            {
                throw new DataFormatException(
                    "this prediction was made from another prompt, by another model or with other settings. Give this run a file of its "
                        + "own, or delete this one.",
                    DataPlace.Whole(journal.Path),
                    id: prediction.Id);
            }

            done.Add(prediction.Id, prediction);
        }

        return done;
    }

    private string HashOf(EvaluationPrompt prompt)
    {
        string settings = string.Create(CultureInfo.InvariantCulture,
            $"{prompt.MaxNewTokens}|{_options.Temperature:R}|{(_options.Temperature == 0 ? 0 : _options.Seed)}|{_options.ModelName}");
        return StableHash.Of(prompt.Text, StableHash.Of(settings)).ToString("x16", CultureInfo.InvariantCulture);
    }
}
