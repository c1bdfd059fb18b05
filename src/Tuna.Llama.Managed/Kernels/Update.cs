namespace Tuna.Llama.Managed.Kernels;

/// <summary>What a product does with what its target holds.</summary>
internal enum Update
{
    /// <summary>Overwrites it.</summary>
    Set,

    /// <summary>Adds to it.</summary>
    Add,
}
