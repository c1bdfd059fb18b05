namespace Tuna.Models;

/// <summary>What sets a family of LLaMA-like models apart in config.json: a family is added by one record here and a golden folder in the
/// engines' tests.</summary>
/// <param name="ModelType">Its <c>model_type</c>.</param>
/// <param name="Architecture">Its name in <c>architectures</c>, before ForCausalLM.</param>
/// <param name="ContextLength">Transformers' <c>max_position_embeddings</c> when the key is absent.</param>
/// <param name="HeadDimension">Transformers' <c>head_dim</c> when the key is absent; null for the quotient of width and heads.</param>
/// <param name="Biases">Which attention projections have biases.</param>
/// <param name="QueryKeyNorm">Whether queries and keys are normalized head by head.</param>
/// <param name="SlidingWindow">When the sliding window of the config is in use.</param>
internal sealed record ModelFamily(
    string ModelType, string Architecture, int ContextLength, int? HeadDimension, AttentionBiases Biases, bool QueryKeyNorm,
        SlidingWindowUse SlidingWindow)
{
    public static readonly ModelFamily Llama = new("llama", "Llama", 2048, null, AttentionBiases.AsStated, false, SlidingWindowUse.Never);

    /// <summary>All that are known. SmolLM2 and LLaMA 3 are of the first.</summary>
    public static readonly IReadOnlyList<ModelFamily> All =
    [
        Llama,
        new("mistral", "Mistral", 32768, null, AttentionBiases.AsStated, false, SlidingWindowUse.WhenPresent),
        new("qwen2", "Qwen2", 32768, null, AttentionBiases.QueryKeyValue, false, SlidingWindowUse.WhenSwitchedOn),
        new("qwen3", "Qwen3", 32768, 128, AttentionBiases.AsStated, true, SlidingWindowUse.WhenSwitchedOn),
    ];

    public static ModelFamily? Find(string modelType) => All.FirstOrDefault(f => f.ModelType == modelType);
}

/// <summary>Which attention projections of a family have biases.</summary>
internal enum AttentionBiases
{
    /// <summary>All or none, as <c>attention_bias</c> says.</summary>
    AsStated,

    /// <summary>Those of queries, keys and values, always.</summary>
    QueryKeyValue,
}

/// <summary>When a family's <c>sliding_window</c> is in use.</summary>
internal enum SlidingWindowUse
{
    /// <summary>Never: the family has none.</summary>
    Never,

    /// <summary>When the key is not null.</summary>
    WhenPresent,

    /// <summary>When <c>use_sliding_window</c> is true.</summary>
    WhenSwitchedOn,
}
