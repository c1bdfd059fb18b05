using System.Reflection;

namespace Tuna.Package.Tests;

/// <summary>Idioms of which there is one each in the house, checked on an assembly's public types.</summary>
internal static class Idioms
{
    /// <summary>What is wrong with the public options of an assembly: they are immutable records, and where one can be out of range, a
    /// public <c>Validate()</c> says so.</summary>
    /// <param name="assembly">The package's assembly.</param>
    /// <param name="checkedElsewhere">Records that another record's check covers.</param>
    public static IEnumerable<string> FaultsOfOptions(Assembly assembly, params string[] checkedElsewhere)
    {
        foreach (Type type in assembly.GetExportedTypes().Where(t => t is { IsClass: true, IsAbstract: false } && IsOptions(t)))
        {
            PropertyInfo[] settings = type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);
            if (type.GetMethod("<Clone>$") is null)
                yield return $"{type.FullName} is no record.";
            foreach (PropertyInfo setting in settings.Where(p => p.SetMethod is { IsPublic: true } && !IsInit(p)))
                yield return $"{type.FullName}.{setting.Name} can be set at any time.";
            bool hasCheck = type.GetMethod("Validate", Type.EmptyTypes) is { IsPublic: true };
            if (!hasCheck && settings.Any(p => CanBeOutOfRange(p.PropertyType)) && !checkedElsewhere.Contains(type.Name))
                yield return $"{type.FullName} has settings that can be out of range and no Validate().";
        }
    }

    // What derives from another library's options keeps that library's idiom.
    private static bool IsOptions(Type type) => type.BaseType == typeof(object)
        && (type.Name.EndsWith("Options", StringComparison.Ordinal) || type.Name.EndsWith("Settings", StringComparison.Ordinal));

    private static bool CanBeOutOfRange(Type type)
    {
        Type value = Nullable.GetUnderlyingType(type) ?? type;
        return value != typeof(ulong) && (value.IsEnum || value == typeof(int) || value == typeof(long) || value == typeof(float)
            || value == typeof(double) || value == typeof(decimal) || value == typeof(TimeSpan));
    }

    private static bool IsInit(PropertyInfo property) =>
        property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Any(t => t.Name == "IsExternalInit");
}
