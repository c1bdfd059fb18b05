using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Llama.Managed.Tests.Model;

public sealed class RewardModelTests : IDisposable
{
    private static readonly ManagedLlamaOptions Options = new() { Threads = 2 };
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-reward-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Score_OfAResponse_IsTheHeadOnItsLastToken()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(Models.Config, Options with { Seed = 1 });
        TokenGroup group = Models.Group("g", 5, 1, 3, 1, 8);
        var rewards = new double[3];
        model.Score([group], rewards);
        Span<float> head = model.Parameters.WritableWeightsOf(model.Parameters.Slots[^1]);
        for (int k = 0; k < 3; k++)
        {
            int[] tokens = [.. group.Prompt.Span, .. group.Responses[k].Span];
            var states = new float[tokens.Length * 24];
            model.HiddenStates(tokens, 2, states);
            double expected = 0;
            for (int i = 0; i < 24; i++)
                expected += head[i] * states[((tokens.Length - 1) * 24) + i];
            Assert.Equal(expected, rewards[k], 1e-5);
        }
    }

    [Fact]
    public void Backward_AlongRandomDirections_MatchesFiniteDifferences()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(Models.Config, Options with { Seed = 1 });
        TokenGroup[] groups = Models.Groups();
        double[] gradient = [1, 0, -0.5, 0, 2, 0, 0.25, 0, 1];
        Models.Pass(model, groups, gradient);
        float[] analytic = Models.Gradients(model), kept = Models.Weights(model);
        double norm = model.GradientNorm();
        for (ulong seed = 0; seed < 3; seed++)
        {
            using var direction = new TestMatrix(1, analytic.Length, seed);
            double expected = 0;
            for (int i = 0; i < analytic.Length; i++)
                expected += (double)analytic[i] * direction[0, i];
            const float H = 1e-3f;
            double slope = ((8 * (At(H) - At(-H))) - (At(2 * H) - At(-2 * H))) / (12 * H);
            Assert.Equal(expected, slope, 2e-3 * norm);

            unsafe double At(float step)
            {
                for (int i = 0; i < kept.Length; i++)
                    model.Parameters.WritableWeights[i] = kept[i] + (step * direction[0, i]);
                var rewards = new double[gradient.Length];
                model.Score(groups, rewards);
                kept.CopyTo(new Span<float>(model.Parameters.WritableWeights, kept.Length));
                return rewards.Zip(gradient).Sum(p => p.First * p.Second);
            }
        }
    }

    [Fact]
    public void Train_MetricsOfPairs_CompareRewards_NotRewardsPerToken()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(Models.Config, Options with { Seed = 1 });
        TokenGroup untied = Models.Group("g", 5, 1, 20, 2);
        var group = new TokenGroup("g", untied.Prompt, untied.Responses, new double[] { 2, 1 });
        Assert.IsNotAssignableFrom<IPolicyModel>(model);
        var rewards = new double[2];
        model.Score([group], rewards);

        TrainingStep step = new RankingTrainer(model, new PairwiseLogisticLoss(), new TrainerOptions { Epochs = 1 })
            .Train([group]).History[0];

        Assert.Equal(rewards[0] - rewards[1], step.Margin!.Value, 1e-6);
        Assert.Equal(rewards[0] > rewards[1] ? 1 : 0, step.PairAccuracy);
    }

    [Fact]
    public void Steps_OnAPreference_SeparateTheResponses()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(Models.Config, Options with { Seed = 1 });
        TokenGroup[] groups = [Models.Group("g", 5, 1, 6, 6)];
        var settings = new AdamWSettings();
        for (int step = 1; step <= 20; step++)
        {
            Models.Pass(model, groups, -1, 1);
            model.ApplyGradients(new AdamWStep(step, 1e-2, 1, settings));
        }

        double[] rewards = Models.Pass(model, groups);
        Assert.True(rewards[0] > rewards[1] + 1, $"{rewards[0]} and {rewards[1]}");
    }

    [Fact]
    public void SaveModel_ThenLoad_GivesTheSameRewards()
    {
        using ManagedRewardModel model = ManagedRewardModel.Create(Models.Config, Options with { Seed = 1 });
        model.SaveModel(_folder);
        using ManagedRewardModel loaded = ManagedRewardModel.Load(_folder, Options with { Seed = 7 });
        Assert.Equal(Models.Pass(model, Models.Groups()), Models.Pass(loaded, Models.Groups()));
        using CheckpointReader reader = CheckpointReader.Open(_folder);
        Assert.Equal([1, 24], reader["score.weight"].Shape);
    }

    [Fact]
    public void Load_APolicy_TakesItsBodyAndAFreshHead()
    {
        using ManagedLlama policy = ManagedLlama.Create(Models.Config with { TieWordEmbeddings = false }, Options with { Seed = 3 });
        policy.SaveModel(_folder);
        using ManagedRewardModel a = ManagedRewardModel.Load(_folder, Options with { Seed = 7 }),
            b = ManagedRewardModel.Load(_folder, Options with { Seed = 8 });
        Assert.Equal(Models.Weights(a)[..^24], Models.Weights(b)[..^24]);
        Assert.NotEqual(Models.Weights(a), Models.Weights(b));
        Assert.Equal(policy.Parameters.Slots.Count, a.Parameters.Slots.Count); // without lm_head, with score
    }
}
