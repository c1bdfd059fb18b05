namespace Tuna.Llama;

/// <summary>What a pass holds between forward and backward.</summary>
public enum ActivationMode
{
    /// <summary><see cref="Keep"/> where the memory estimate fits the budget, else <see cref="Recompute"/>.</summary>
    Auto,

    /// <summary>Everything that backward needs: fastest.</summary>
    Keep,

    /// <summary>Each layer's input alone; backward computes the layer again, and only the rows of responses that have a gradient
    /// (activation checkpointing).</summary>
    Recompute,
}
