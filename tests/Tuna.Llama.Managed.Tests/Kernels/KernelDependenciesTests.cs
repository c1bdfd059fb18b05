using System.Reflection;
using Tuna.Llama.Managed.Kernels;

namespace Tuna.Llama.Managed.Tests.Kernels;

public class KernelDependenciesTests
{
    [Fact]
    public void Kernels_FieldsAndParameters_KnowMemoryAndWorkersAlone()
    {
        const BindingFlags all =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        string[] foreign = [.. typeof(Gemm).Assembly.GetTypes()
            .Where(t => t.Namespace == typeof(Gemm).Namespace)
            .SelectMany(t => t.GetFields(all).Select(f => (Type: t, Uses: f.FieldType))
                .Concat(t.GetMethods(all).Cast<MethodBase>().Concat(t.GetConstructors(all)).SelectMany(m => m.GetParameters())
                    .Select(p => (Type: t, Uses: p.ParameterType))))
            .Where(u => Root(u.Uses).Namespace is { } name && name.StartsWith("Tuna.", StringComparison.Ordinal)
                && name is not ("Tuna.Llama.Managed.Kernels" or "Tuna.Llama.Managed.Memory" or "Tuna.Llama.Managed.Threading"
                    or "Tuna.Policies"))
            .Select(u => $"{u.Type.Name} uses {u.Uses}")];
        Assert.Empty(foreign);

        static Type Root(Type type) => type.HasElementType ? Root(type.GetElementType()!) : type;
    }
}
