using System.Runtime.CompilerServices;
using Tuna.Llama.Tests.Runtime;

// libtorch spreads one operation over all cores; test classes side by side would only fight for them.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Tuna.Llama.Tests;

internal static class Threads
{
    /// <summary>The models here are tiny: threads cost more than they bring. Tests use torch before any policy has loaded it.</summary>
    [ModuleInitializer]
    internal static void One()
    {
        if (LoaderProgram.IsThisProcess)
            return;
        TorchRuntime.Load();
        Set();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Set() => torch.set_num_threads(1);
}
