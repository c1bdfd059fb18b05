namespace Tuna.Llama.Runtime;

/// <summary>The native libraries that this engine is built and tested with.</summary>
internal static class NativeVersions
{
    public const string TorchSharp = "0.107.0";

    /// <summary>Of libtorch, and of PyTorch, which has the same.</summary>
    public const string Libtorch = "2.10.0";
}
