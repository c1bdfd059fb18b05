using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.Llama.Managed;
using Tuna.Models;
using Tuna.Policies;

namespace Tuna.Evaluators.Tests;

public sealed class LocalModelEvaluatorTests
{
    private static readonly LlamaConfig s_config = new()
    {
        VocabularySize = 259,
        HiddenSize = 16,
        IntermediateSize = 32,
        LayerCount = 1,
        HeadCount = 2,
        KeyValueHeadCount = 2,
        HeadDimension = 8,
        ContextLength = 512,
    };

    private static readonly ChatMessage s_question = new(ChatRole.User, "Name a fish.");

    [Fact]
    public async Task Nll_OfAnAnswer_IsThePoliciesLogProbabilityPerToken()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config, new ManagedLlamaOptions { Seed = 3 });
        using var evaluator = new NllEvaluator(policy, ByteTokenizer.Instance);
        EvaluationResult result = await evaluator.EvaluateAsync([s_question], Answer("Tuna."));

        var tokens = new GroupTokenizer(ByteTokenizer.Instance);
        int[] response = tokens.EncodeResponse("Tuna.");
        double[] expected = new double[1];
        policy.Score([new TokenGroup("1", tokens.EncodePrompt("Name a fish."), [response], new double[1])], expected);
        double nll = result.Get<NumericMetric>(NllEvaluator.MetricName).Value!.Value;
        Assert.Equal(-expected[0] / response.Length, nll, 1e-12);
        Assert.InRange(nll, 1, 10);
        Assert.Equal(Math.Exp(nll), result.Get<NumericMetric>(NllEvaluator.PerplexityMetricName).Value!.Value, 1e-9);
        Assert.Equal(evaluator.EvaluationMetricNames.Order(), result.Metrics.Keys.Order());
    }

    [Fact]
    public async Task Nll_OfConversation_NeedsAChatFormatAndUsesIt()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config, new ManagedLlamaOptions { Seed = 3 });
        ChatMessage[] turns = [s_question, new(ChatRole.Assistant, "Tuna."), new(ChatRole.User, "Another.")];
        using var plain = new NllEvaluator(policy, ByteTokenizer.Instance);
        EvaluationResult refused = await plain.EvaluateAsync(turns, Answer("Cod."));
        Assert.True(refused.ContainsDiagnostics(d => d.Message.Contains("user, assistant, user", StringComparison.Ordinal)));
        Assert.All(refused.Metrics.Values.Cast<NumericMetric>(), metric => Assert.Null(metric.Value));

        using var chat = new NllEvaluator(policy, ByteTokenizer.Instance, new LineChat());
        double Value(EvaluationResult result) => result.Get<NumericMetric>(NllEvaluator.MetricName).Value!.Value;
        double whole = Value(await chat.EvaluateAsync(turns, Answer("Cod.")));
        double last = Value(await chat.EvaluateAsync([turns[2]], Answer("Cod.")));
        Assert.NotEqual(whole, last);
    }

    [Fact]
    public async Task Nll_OfAnswerBeyondTheContext_HasNoValueAndSaysWhy()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config, new ManagedLlamaOptions { Seed = 3 });
        using var evaluator = new NllEvaluator(policy, ByteTokenizer.Instance);
        EvaluationResult result = await evaluator.EvaluateAsync([s_question], Answer(new string('a', 600)));
        Assert.True(result.ContainsDiagnostics(d => d.Message.Contains("context has 512", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nll_BeyondItsBound_Fails()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config, new ManagedLlamaOptions { Seed = 3 });
        using var evaluator = new NllEvaluator(policy, ByteTokenizer.Instance, atMost: 0.1);
        EvaluationResult result = await evaluator.EvaluateAsync([s_question], Answer("Tuna."));
        Assert.True(result.Get<NumericMetric>(NllEvaluator.MetricName).Interpretation!.Failed);
        Assert.Null(result.Get<NumericMetric>(NllEvaluator.PerplexityMetricName).Interpretation);
    }

    [Fact]
    public async Task Reward_OfAnAnswer_IsTheModelsScoreFromAnyThread()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(s_config, new ManagedLlamaOptions { Seed = 4 });
        using var evaluator = new RewardEvaluator(model, ByteTokenizer.Instance, atLeast: -1e9);
        string[] answers = [.. Enumerable.Range(0, 12).Select(i => $"Answer {i}.")];
        EvaluationResult[] results = await Task.WhenAll(answers.Select(text =>
            Task.Run(async () => await evaluator.EvaluateAsync([s_question], Answer(text)))));

        var tokens = new GroupTokenizer(ByteTokenizer.Instance);
        for (int i = 0; i < answers.Length; i++)
        {
            double[] expected = new double[1];
            var group = new TokenGroup("1", tokens.EncodePrompt("Name a fish."), [tokens.EncodeResponse(answers[i])], new double[1]);
            model.Score([group], expected);
            NumericMetric metric = results[i].Get<NumericMetric>(RewardEvaluator.MetricName);
            Assert.Equal(expected[0], metric.Value!.Value, 1e-12);
            Assert.False(metric.Interpretation!.Failed);
        }
    }

    [Fact]
    public void Reward_WithPolicy_IsRefused()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config, new ManagedLlamaOptions { Seed = 3 });
        ArgumentException e = Assert.Throws<ArgumentException>(() => new RewardEvaluator(policy, ByteTokenizer.Instance));
        Assert.Contains(nameof(NllEvaluator), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_WithAnotherModelsTokenizer_Throws()
    {
        using ManagedLlama policy = ManagedLlama.Create(s_config with { VocabularySize = 100 }, new ManagedLlamaOptions());
        Assert.Throws<ArgumentException>(() => new NllEvaluator(policy, ByteTokenizer.Instance));
    }

    private static ChatResponse Answer(string text) => new(new ChatMessage(ChatRole.Assistant, text));

    /// <summary>A turn a line.</summary>
    private sealed class LineChat : IChatFormat
    {
        public string Format(string instruction, string? input) => instruction;

        public int[] EncodePrompt(IReadOnlyList<ChatTurn> turns) =>
            [1, .. ByteTokenizer.Instance.Encode(string.Concat(turns.Select(turn => $"{turn.Role}: {turn.Content}\n")))];

        public int[] EncodeResponse(IReadOnlyList<ChatTurn> turns, string response) => [.. ByteTokenizer.Instance.Encode(response), 2];
    }
}
