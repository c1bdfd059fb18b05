using System.Globalization;
using Tuna.IO;
using Tuna.Policies;
using Tuna.Training;

namespace FineTuneLlama;

/// <summary>report.md: what was trained, on what, and what it changed on rows that training never saw.</summary>
internal static class Report
{
    public static string Write(Settings settings, PolicyInfo info, TrainingResult result, int groups, Agreement before, Agreement after, string memory)
    {
        string path = Path.Combine(settings.Output, "report.md");
        AtomicFile.WriteAllText(path, string.Create(CultureInfo.InvariantCulture, $"""
            # {(settings.RewardModel ? "Proxy ranking model" : "Fine-tuning")}: report

            - model: {Path.GetFileName(settings.Model)}, {info.ParameterCount:N0} parameters{(settings.LoraRank > 0 ? $", LoRA of rank {settings.LoraRank}" : "")}
            - data: {Path.GetFileName(settings.Data)}, {groups:N0} groups, {settings.Epochs} epoch(s), learning rate {settings.LearningRate:g3}
            - memory: {memory}
            - steps: {result.History.Count}, last loss {result.FinalLoss:0.0000}

            | on {before.Pairs:N0} held-out pairs | before | after |
            |---|---|---|
            | pairs in the ranker's order | {before.InOrder:P1} | {after.InOrder:P1} |
            | mean {(settings.RewardModel ? "reward" : "log-probability per token, nats")} | {before.Mean:0.000} | {after.Mean:0.000} |

            """));
        return path;
    }
}
