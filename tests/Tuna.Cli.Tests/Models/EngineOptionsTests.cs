using System.Reflection;
using Tuna.Llama;
using Tuna.Llama.Managed;

namespace Tuna.Cli.Tests.Models;

/// <summary>The engines' options, side by side: here alone are both.</summary>
public class EngineOptionsTests
{
    [Fact]
    public void OptionsOfBothEngines_OfOneName_HaveOneTypeAndDefault()
    {
        var managed = new ManagedLlamaOptions();
        var torch = new LlamaPolicyOptions();
        var shared = new List<string>();
        foreach (PropertyInfo option in typeof(ManagedLlamaOptions).GetProperties())
        {
            if (typeof(LlamaPolicyOptions).GetProperty(option.Name) is not { } other)
                continue;
            shared.Add(option.Name);
            Assert.True(option.PropertyType == other.PropertyType, $"{option.Name} is {option.PropertyType} and {other.PropertyType}");
            Assert.True(Equals(option.GetValue(managed), other.GetValue(torch)),
                $"{option.Name} is {option.GetValue(managed)} and {other.GetValue(torch)} by default");
        }

        Assert.Equal(["SavedType", "Seed", "Threads"], shared.Order(StringComparer.Ordinal));
    }
}
