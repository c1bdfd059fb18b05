using System.Globalization;
using Tuna.Models;

namespace Tuna.Llama.Lora;

/// <summary>Settings of low-rank adapters (LoRA, Hu et al., arXiv 2106.09685): W + (alpha / r) B A, with W frozen.</summary>
public sealed record LoraOptions
{
    /// <summary>The projections that can have an adapter.</summary>
    public static IReadOnlyList<string> AllProjections { get; } =
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>Rank r, >= 1. Default 8.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Scale alpha, > 0; the adapter counts alpha / r. Default 16.</summary>
    public double Alpha { get; init; } = 16;

    /// <summary>Dropout of the adapter's input while training, [0, 1). Default 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Which projections have an adapter. Default all seven.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = AllProjections;

    /// <summary>
    /// Whether <see cref="PolicyBase.SaveModel"/> writes the merged model, which every reader understands; false writes the adapter alone
    /// in PEFT's layout, beside config.json. Default true.
    /// </summary>
    public bool SaveMerged { get; init; } = true;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentException">Names the setting that is out of range.</exception>
    public void Validate()
    {
        Require(Rank >= 1, nameof(Rank), Rank, ">= 1");
        Require(double.IsFinite(Alpha) && Alpha > 0, nameof(Alpha), Alpha, "> 0");
        Require(Dropout is >= 0 and < 1, nameof(Dropout), Dropout, "in [0, 1)");
        if (TargetModules is not { Count: > 0 } || TargetModules.FirstOrDefault(m => !AllProjections.Contains(m)) is { }
            || TargetModules.Distinct().Count() != TargetModules.Count)
            throw new ArgumentException(
                $"LoRA's {nameof(TargetModules)} are [{string.Join(", ", TargetModules ?? [])}]; give each once, of "
                + $"{string.Join(", ", AllProjections)}.");

        static void Require(bool holds, string name, double value, string rule)
        {
            if (!holds)
                throw new ArgumentOutOfRangeException(name, value, $"LoRA's {name} must be {rule}.");
        }
    }
}

/// <summary>Names of the adapters' parameters.</summary>
internal static class LoraNames
{
    public const string A = "lora_A";
    public const string B = "lora_B";

    public static bool IsAdapter(string name) =>
        name.EndsWith("." + A, StringComparison.Ordinal) || name.EndsWith("." + B, StringComparison.Ordinal);

    /// <summary>PEFT's name of a parameter: <c>base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight</c>,
    /// <c>base_model.model.score.weight</c>.</summary>
    public static string Peft(string name) => $"base_model.model.{name}{(IsAdapter(name) ? ".weight" : "")}";
}
